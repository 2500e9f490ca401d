import { extendBackend, runKernel } from '@octet/backend';
import { getBackend, type Tensor, tensor } from '@octet/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { quantized } from '../src';

const { functional } = quantized;
const ints = (values: number[], scale: number, zeroPoint: number) =>
  tensor(values.map((q) => (q - zeroPoint) * scale)).quantizePerTensor(scale, zeroPoint, 'quint8');
const byte = fc.integer({ min: 0, max: 255 });
const scale = fc.double({ min: 0.004, max: 0.5, noNaN: true }).map(Math.fround);
const row = fc.array(byte, { minLength: 1, maxLength: 19 });

describe('clamp', () => {
  const x = ints([0, 3, 40, 90, 131, 200, 255, 17], 0.05, 120);
  const other = ints([200, 30, 4, 99, 255, 0, 128, 121], 0.03, 90);
  const output = { scale: 0.04, zeroPoint: 100 };
  const weight = tensor([0.5, -1, 0.25, 1, 0.75, -0.5, 0.125, -0.25], [2, 4]).quantizePerTensor(
    0.01,
    0,
    'qint8',
  );
  const linear = new functional.PackedWeight('linear', weight, tensor([0.1, -0.2]));
  const conv = new functional.PackedWeight('conv', weight.reshape([2, 4, 1, 1]), tensor([0.1, -0.2]));
  const calls: Record<string, (options: quantized.functional.OutputClamp) => Tensor> = {
    conv2d: (options) => functional.conv2d(x.reshape([1, 4, 2, 1]), conv, { ...output, ...options }),
    linear: (options) => functional.linear(x.reshape([2, 4]), linear, { ...output, ...options }),
    add: (options) => functional.add(x, other, { ...output, ...options }),
    mul: (options) => functional.mul(x, other, { ...output, ...options }),
    addScalar: (options) => functional.addScalar(x, 0.7, options),
    'addScalar, requantized': (options) => functional.addScalar(x, 9, options),
    mulScalar: (options) => functional.mulScalar(x, 0.6, options),
    'mulScalar, mirrored': (options) => functional.mulScalar(x, -0.6, options),
    'mulScalar by 0': (options) => functional.mulScalar(x, 0, options),
  };

  test.each(Object.keys(calls))('%s', (name) => {
    const call = calls[name];
    const plain = call({});
    for (const [min, max] of [
      [0, Number.POSITIVE_INFINITY],
      [0, 0.5],
      [-0.3, 0.2],
      [0.11, 0.11],
      [-1e9, 1e9],
      [1, 3],
    ]) {
      const clamped = call({ clamp: [min, max] });
      expect(clamped.qparams).toEqual(plain.qparams);
      expect([...clamped.intRepr().dataSync()]).toEqual([...plain.clamp(min, max).intRepr().dataSync()]);
    }
    const relu = call({ clamp: [0, Number.POSITIVE_INFINITY] });
    expect([...call({ relu: true }).intRepr().dataSync()]).toEqual([...relu.intRepr().dataSync()]);
    expect(() => call({ relu: true, clamp: [0, 6] })).toThrow(/expected clamp or relu, found both/);
    expect(() => call({ clamp: [6, 0] })).toThrow(/min <= max/);
    // @ts-expect-error no pair
    expect(() => call({ clamp: [0] })).toThrow(/\[min, max\]/);
  });

  test('some of the bounds bound', () => {
    for (const [name, call] of Object.entries(calls)) {
      const [plain, clamped] = [call({}), call({ clamp: [1, 3] })].map((y) => [...y.intRepr().dataSync()]);
      expect(clamped, name).not.toEqual(plain);
    }
  });

  test('packed for one clamp after another', () => {
    const at = { scheme: 'perTensor', scale: 0.1, zeroPoint: 10 } as const;
    expect(linear.callFor(at, at, [0, 6]).attrs).toMatchObject({ clampMin: 10, clampMax: 70 });
    expect(linear.callFor(at, at).attrs).toMatchObject({ clampMin: 0, clampMax: 255 });
    // @ts-expect-error as before there was clamp
    expect(() => linear.callFor(at, at, true)).toThrow(/linear: expected clamp to be \[min, max\]/);
  });
});

describe('int8 arithmetic stays within one step of exact arithmetic', () => {
  test.each(['add', 'mul'] as const)('%s', (op) => {
    fc.assert(
      fc.property(
        row,
        row,
        scale,
        byte,
        scale,
        byte,
        scale,
        byte,
        fc.boolean(),
        (a, b, sa, za, sb, zb, sy, zy, relu) => {
          const n = Math.min(a.length, b.length);
          const x = ints(a.slice(0, n), sa, za);
          const y = ints(b.slice(0, n), sb, zb);
          const got = functional[op](x, y, { scale: sy, zeroPoint: zy, relu }).intRepr().dataSync();
          const [xs, ys] = [x.intRepr().dataSync(), y.intRepr().dataSync()];
          for (let i = 0; i < n; i++) {
            const real =
              op === 'add' ? (xs[i] - za) * sa + (ys[i] - zb) * sb : (xs[i] - za) * sa * ((ys[i] - zb) * sb);
            const want = Math.min(Math.max(real / sy + zy, relu ? zy : 0), 255);
            expect(Math.abs(got[i] - want)).toBeLessThanOrEqual(0.5 + 1e-3 + Math.abs(want) * 1e-5);
          }
        },
      ),
    );
  });

  test('addScalar and mulScalar keep the real values', () => {
    fc.assert(
      fc.property(row, scale, byte, fc.double({ min: -3, max: 3, noNaN: true }), (values, s, z, c) => {
        const x = ints(values, s, z);
        const real = x.dequantize().dataSync();
        const sum = functional.addScalar(x, c);
        const sumScale = (sum.qparams as { scale: number }).scale;
        sum
          .dequantize()
          .dataSync()
          .forEach((v, i) => {
            expect(Math.abs(v - (real[i] + c))).toBeLessThanOrEqual(s / 2 + sumScale / 2 + 1e-4);
          });
        const product = functional.mulScalar(x, c);
        product
          .dequantize()
          .dataSync()
          .forEach((v, i) => {
            expect(v).toBeCloseTo(real[i] * c, 2);
          });
      }),
    );
  });

  test('shapes and dtypes are checked', () => {
    const x = ints([1, 2, 3], 0.1, 0);
    expect(() => functional.add(x, ints([1, 2], 0.1, 0), { scale: 1, zeroPoint: 0 })).toThrow(
      /shapes that broadcast/,
    );
    expect(() => functional.add(x, tensor([1, 2, 3]), { scale: 1, zeroPoint: 0 })).toThrow(/QuantStub/);
    expect(() => functional.mul(x, x, { scale: Number.NaN, zeroPoint: 0 })).toThrow(/finite scale/);
    expect(() => functional.mul(x, x, { scale: 1, zeroPoint: 256 })).toThrow(/0 to 255/);
    const signed = tensor([1]).quantizePerTensor(0.1, 0, 'qint8');
    expect(() => functional.add(signed, signed, { scale: 1, zeroPoint: 0 })).toThrow(
      /Activations are quint8/,
    );
  });

  test('sums that could leave int32 are refused', () => {
    const k = 70000;
    const weight = tensor(new Float32Array(k), [1, k]).quantizePerTensor(1, 0, 'qint8');
    expect(() => new functional.PackedWeight('test', weight, undefined)).toThrow(
      /int32 can't overflow, found 70000/,
    );
  });

  test('a huge bias saturates and the sums stay exact', () => {
    const k = 60000;
    const weight = tensor(new Float32Array(k).fill(127), [1, k]).quantizePerTensor(1, 0, 'qint8');
    const x = tensor(new Float32Array(k).fill(255), [1, k]).quantizePerTensor(1, 0, 'quint8');
    for (const [bias, want] of [
      [1e30, 255],
      [-1e30, 0],
    ]) {
      const packed = new functional.PackedWeight('test', weight, tensor([bias]));
      const y = functional.linear(
        bias > 0 ? x : x.dequantize().mul(0).quantizePerTensor(1, 0, 'quint8'),
        packed,
        {
          scale: 2 ** 20,
          zeroPoint: 128,
        },
      );
      expect(y.intRepr().itemSync()).toBe(want);
    }
  });

  test('the bias is rounded once, at the scale of the sums', () => {
    const weight = tensor([[1]]).quantizePerTensor(1, 0, 'qint8');
    const packed = new functional.PackedWeight('test', weight, tensor([0.26]));
    const at = (s: number) =>
      functional
        .linear(ints([0], s, 0), packed, { scale: 0.01, zeroPoint: 0 })
        .intRepr()
        .dataSync()[0];
    expect(at(0.5)).toBe(50);
    expect(at(0.1)).toBe(30);
    expect(at(0.5)).toBe(50);
  });
});

describe('dynamicLinear', () => {
  test('in 8 and in 7 bits, by hand: they tell 0.02 from 0.01, and they do not', () => {
    const weight = tensor([100, 100, 1, 0], [2, 2]).quantizePerTensor(1, 0, 'qint8');
    const packed = new functional.PackedWeight('test', weight, tensor([0, 2]));
    const x = tensor([-1.5, 1, 0.02, 0.01], [2, 2]);
    const expected = (quantMax: number) => {
      const scale = Math.fround(2.5 / quantMax);
      const zeroPoint = Math.round(1.5 / scale);
      expect(zeroPoint).toBe(quantMax === 255 ? 153 : 76);
      // -1.5 is the integer 0, 1 the largest.
      const [a, b] = [-zeroPoint, quantMax - zeroPoint];
      const [c, d] = quantMax === 255 ? [2, 1] : [1, 1];
      return [100 * (a + b) * scale, a * scale + 2, 100 * (c + d) * scale, c * scale + 2];
    };
    for (const [options, quantMax] of [
      [undefined, 255],
      [{ reduceRange: true }, 127],
      [{ reduceRange: false }, 255],
    ] as const) {
      const y = functional.dynamicLinear(x, packed, options).dataSync();
      expected(quantMax).forEach((want, i) => {
        expect(y[i]).toBeCloseTo(want, 4);
      });
    }
  });

  test('packs the weight once for each range in a row', () => {
    const base = getBackend();
    const { qlinearDynamic } = base.kernels;
    if (!qlinearDynamic) throw new Error('no kernel to build on');
    const packings: boolean[] = [];
    const backend = extendBackend(base, {
      name: 'packing',
      kernels: {
        qlinearDynamic: {
          prepack(_, { reduceRange }) {
            packings.push(reduceRange);
          },
          run: (tensors, attrs) => runKernel(qlinearDynamic, tensors, attrs),
        },
      },
    });
    const weight = tensor([1, 2], [1, 2], { backend }).quantizePerTensor(0.5, 0, 'qint8');
    const packed = new functional.PackedWeight('test', weight, undefined);
    const x = tensor([1, 2], [1, 2], { backend });
    for (const reduceRange of [false, false, true, true, false]) {
      functional.dynamicLinear(x, packed, { reduceRange });
    }
    expect(packings).toEqual([false, true, false]);
  });
});
