import { addDispatchHook, ShapeError } from '@octet/backend';
import { Conv2d, Module, Sigmoid } from '@octet/nn';
import { expand, manualSeed, quantizedTensor, randn, type Tensor } from '@octet/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  convert,
  DeQuantStub,
  FloatFunctional,
  getDefaultQatQConfig,
  getDefaultQConfig,
  prepare,
  prepareQat,
  QuantStub,
  quantized,
} from '../src';

const { functional } = quantized;

function ints(values: readonly number[], shape: readonly number[], scale: number, zeroPoint: number): Tensor {
  return quantizedTensor([...values], [...shape], 'quint8', { scheme: 'perTensor', scale, zeroPoint });
}

/** Any integers, the same for the same shape. */
function someInts(shape: readonly number[], scale: number, zeroPoint: number): Tensor {
  const n = shape.reduce((a, b) => a * b, 1);
  return ints(
    Array.from({ length: n }, (_, i) => (i * 89 + 41 * n) % 256),
    shape,
    scale,
    zeroPoint,
  );
}

const integersOf = (x: Tensor) => Array.from(x.intRepr().dataSync());
const byA = [142, 46, 71, 137, 0, 150];

describe('int8 sums and products broadcast', () => {
  // torch.ops.quantized.add(a, b, 0.05, 100), add_relu, and mul(a, b, 0.04, 120), of PyTorch 2.13; qnnpack and fbgemm agree.
  test.each([
    {
      a: [[2, 3], byA],
      b: [
        [1, 3],
        [56, 104, 79],
      ],
      add: [112, 103, 98, 110, 84, 129],
      mul: [109, 98, 117, 110, 74, 128],
    },
    {
      a: [[2, 3], byA],
      b: [[3], [56, 104, 79]],
      add: [112, 103, 98, 110, 84, 129],
      mul: [109, 98, 117, 110, 74, 128],
    },
    {
      a: [[2, 3], byA],
      b: [
        [2, 1],
        [56, 104],
      ],
      add: [112, 74, 84, 139, 84, 144],
      mul: [109, 129, 124, 144, 74, 151],
    },
    {
      a: [[2, 3], byA],
      b: [[], [56]],
      add: [112, 74, 84, 110, 56, 116],
      mul: [109, 129, 124, 110, 139, 107],
    },
    {
      a: [
        [2, 1],
        [142, 46],
      ],
      b: [
        [1, 3],
        [57, 101, 7],
      ],
      add: [113, 139, 83, 75, 101, 45],
      mul: [110, 144, 71, 129, 100, 162],
    },
  ])("PyTorch's integers: $a.0 and $b.0", ({ a, b, add, mul }) => {
    const x = ints(a[1], a[0], 0.02, 90);
    const y = ints(b[1], b[0], 0.03, 70);
    const sum = functional.add(x, y, { scale: 0.05, zeroPoint: 100 });
    expect(sum.shape).toEqual([2, 3]);
    expect(integersOf(sum)).toEqual(add);
    expect(integersOf(functional.add(x, y, { scale: 0.05, zeroPoint: 100, relu: true }))).toEqual(
      add.map((q) => Math.max(q, 100)),
    );
    expect(integersOf(functional.mul(x, y, { scale: 0.04, zeroPoint: 120 }))).toEqual(mul);
  });

  test('as the operands expanded, in any order of memory', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 });
    const operand = fc.record({
      once: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
      lead: fc.nat(5),
    });
    fc.assert(
      fc.property(sizes, operand, operand, fc.nat(2), (shape, a, b, form) => {
        const [x, y] = [a, b].map(({ once, lead }, k) => {
          const own = shape.map((n, d) => (once[d] ? 1 : n)).slice(Math.min(lead, shape.length));
          const t = someInts(own, 0.02 + 0.013 * k, 90 - 20 * k);
          if (form === 0 || own.length < 2) return t;
          const turned = t.transpose(0, own.length - 1).contiguous();
          return form === 1 ? turned.transpose(0, own.length - 1) : turned;
        });
        const fits = [0, 1, 2, 3, 4].every((i) => {
          const [m, n] = [x, y].map((t) => t.shape[t.shape.length - 1 - i] ?? 1);
          return m === n || m === 1 || n === 1;
        });
        for (const op of ['add', 'mul'] as const) {
          const apply = () => functional[op](x, y, { scale: 0.05, zeroPoint: 100 });
          if (!fits) {
            expect(apply).toThrow(ShapeError);
            continue;
          }
          const found = apply();
          const want = x.dequantize().add(y.dequantize()).shape;
          expect(found.shape).toEqual(want);
          const whole = [x, y].map((t) => expand(t, want).contiguous());
          expect(integersOf(found)).toEqual(
            integersOf(functional[op](whole[0], whole[1], { scale: 0.05, zeroPoint: 100 })),
          );
        }
      }),
    );
  });

  test('the operand of the whole shape is not copied, and decides the order of memory', () => {
    const x = someInts([2, 5, 3, 4], 0.02, 90).contiguous({ memoryFormat: 'channelsLast' });
    const gate = someInts([2, 5, 1, 1], 0.004, 0);
    for (const [a, b] of [
      [x, gate],
      [gate, x],
    ]) {
      const copied: unknown[] = [];
      const remove = addDispatchHook((event, run) => {
        if (event.kernel === 'copyStrided') copied.push(event.inputs.x?.source);
        run();
      });
      const y = functional.mul(a, b, { scale: 0.03, zeroPoint: 100 });
      remove();
      expect(copied).toHaveLength(1);
      expect((copied[0] as Tensor).storage).toBe(gate.storage);
      expect(y.strides).toEqual(x.strides);
    }
  });

  test('nothing, and nothing repeated', () => {
    const none = ints([], [0, 3], 0.02, 90);
    expect(functional.add(none, someInts([1, 3], 0.02, 90), { scale: 1, zeroPoint: 0 }).shape).toEqual([
      0, 3,
    ]);
    expect(functional.mul(someInts([1], 0.02, 90), none, { scale: 1, zeroPoint: 0 }).shape).toEqual([0, 3]);
  });

  test('shapes that do not broadcast are named, as are the sizes that differ', () => {
    const x = someInts([2, 3], 0.02, 90);
    expect(() => functional.add(x, someInts([2], 0.02, 90), { scale: 1, zeroPoint: 0 })).toThrow(
      /quantized\.add.*broadcast.*\[2, 3\] and \[2\].*3 and 2 at dimension -1/s,
    );
    expect(() => functional.mul(x, someInts([3, 3], 0.02, 90), { scale: 1, zeroPoint: 0 })).toThrow(
      ShapeError,
    );
  });
});

/** Squeeze and excite: a gate for each channel, [N,C,1,1], on [N,C,H,W]; a sum with a row and its ReLU. */
class Gated extends Module {
  readonly quant = new QuantStub();
  readonly conv = new Conv2d(3, 6, 3, { padding: 1 });
  readonly gate = new Conv2d(6, 6, 1);
  readonly sigmoid = new Sigmoid();
  readonly scaled = new FloatFunctional();
  readonly shifted = new FloatFunctional();
  readonly dequant = new DeQuantStub();

  forward(x: Tensor): Tensor {
    const h = this.conv.call(this.quant.call(x));
    const gate = this.sigmoid.call(this.gate.call(h.adaptiveAvgPool2d(1)));
    const y = this.scaled.mul(h, gate);
    return this.dequant.call(this.shifted.addRelu(gate, y));
  }
}

test.each(['prepare', 'prepareQat'] as const)(
  'a model with gates, by %s: float and int8 agree',
  async (way) => {
    manualSeed(5);
    const float = new Gated().eval();
    const batch = randn([4, 3, 9, 7]);
    const want = float.call(batch).dataSync();
    float.qconfig = way === 'prepare' ? getDefaultQConfig() : getDefaultQatQConfig();
    const prepared = way === 'prepare' ? prepare(float) : prepareQat(float.train());
    prepared.call(batch);
    prepared.eval();
    const simulated = prepared.call(batch).dataSync();
    const found = (await convert(prepared)).call(batch).dataSync();
    const largest = Math.max(...want);
    const error = (of: ArrayLike<number>) => Math.max(...want.map((v, i) => Math.abs(v - of[i])));
    expect(error(simulated)).toBeLessThan(0.05 * largest);
    expect(error(found)).toBeLessThan(0.05 * largest);
  },
);
