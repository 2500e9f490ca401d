import { QuantizationError } from '@octet/backend';
import { describe, expect, test } from 'vitest';
import {
  checkScale,
  Generator,
  maxPool2d,
  perChannelQParams,
  quantizedTensor,
  rand,
  randint,
  type Tensor,
  tensor,
} from '../src';
import { layouts, list } from './support/layouts';

const qparams = { scheme: 'perTensor', scale: 0.1, zeroPoint: 100 } as const;
const all = (dtype: 'quint8' | 'qint8', scale = 0.05, zeroPoint = dtype === 'quint8' ? 100 : -10) =>
  quantizedTensor(
    Array.from({ length: 256 }, (_, i) => i - (dtype === 'qint8' ? 128 : 0)),
    [256],
    dtype,
    { scheme: 'perTensor', scale, zeroPoint },
  );

/** What a float function of the dequantized numbers gives, quantized anew. */
function viaFloat(x: Tensor, f: (x: Tensor) => Tensor, scale: number, zeroPoint: number): number[] {
  return list(f(x.dequantize()).quantizePerTensor(scale, zeroPoint, x.dtype as 'quint8'));
}

describe.each(['quint8', 'qint8'] as const)('%s', (dtype) => {
  const x = all(dtype);
  const { scale, zeroPoint } = x.qparams as { scale: number; zeroPoint: number };

  test.each<[string, (x: Tensor) => Tensor]>([
    ['relu', (t) => t.relu()],
    ['relu6', (t) => t.relu6()],
    ['hardtanh', (t) => t.hardtanh(-1, 2)],
    ['clamp', (t) => t.clamp(-0.52, 1.03)],
    ['clamp from below', (t) => t.clamp(1)],
  ])('%s keeps scale and zero point', (_, f) => {
    const y = f(x);
    expect([y.dtype, y.qparams]).toEqual([dtype, x.qparams]);
    expect(list(y)).toEqual(viaFloat(x, f, scale, zeroPoint));
  });

  test.each<[string, (x: Tensor) => Tensor, number, number]>([
    ['sigmoid', (t) => t.sigmoid(), 1 / 256, dtype === 'quint8' ? 0 : -128],
    ['hardsigmoid', (t) => t.hardsigmoid(), 1 / 256, dtype === 'quint8' ? 0 : -128],
    ['tanh', (t) => t.tanh(), 1 / 128, dtype === 'quint8' ? 128 : 0],
  ])('%s has a scale of its own', (_, f, scale, zeroPoint) => {
    const y = f(x);
    expect([y.dtype, y.qparams]).toEqual([dtype, { scheme: 'perTensor', scale, zeroPoint }]);
    expect(list(y)).toEqual(viaFloat(x, f, scale, zeroPoint));
  });

  test.each(Object.entries(layouts))('pools agree with float ones to half a step, %s', (_, layout) => {
    const ints = list(
      randint(dtype === 'quint8' ? 0 : -128, dtype === 'quint8' ? 256 : 128, [2, 3, 5, 4], {
        generator: new Generator(5),
      }),
    );
    const image = layout(
      quantizedTensor(ints, [2, 3, 5, 4], dtype, { scheme: 'perTensor', scale, zeroPoint }),
    );
    const pools: ((t: Tensor) => Tensor)[] = [
      (t) => t.maxPool2d(3, { stride: 2, padding: 1 }),
      (t) => t.avgPool2d([2, 3], { stride: 1, padding: [0, 1] }),
      (t) => t.avgPool2d(3, { padding: 1, countIncludePad: false }),
      (t) => t.adaptiveAvgPool2d([3, 2]),
      (t) => t.mean(),
      (t) => t.mean([2, 3]),
      (t) => t.mean(1, true),
      (t) => t.mean([0, 2], true),
      (t) => t.mean(-1),
      (t) => t.mean([]),
    ];
    for (const pool of pools) {
      const y = pool(image);
      expect([y.dtype, y.qparams]).toEqual([dtype, image.qparams]);
      const want = list(pool(image.dequantize()));
      list(y.dequantize()).forEach((v, i) => {
        expect(Math.abs(v - want[i])).toBeLessThanOrEqual(scale * 0.5 + 1e-5);
      });
    }
  });

  test('a mean over the dims of images is the average pool, and one of nothing is refused', () => {
    const image = quantizedTensor(list(x).slice(0, 240), [2, 6, 4, 5], dtype, {
      scheme: 'perTensor',
      scale,
      zeroPoint,
    });
    expect(list(image.mean([2, 3], true))).toEqual(list(image.adaptiveAvgPool2d(1)));
    expect(image.mean([2, 3]).shape).toEqual([2, 6]);
    expect(() =>
      quantizedTensor([], [0, 2], dtype, { scheme: 'perTensor', scale, zeroPoint }).mean(0),
    ).toThrow(/mean: expected at least one integer for each mean, found \[0, 2\]/);
  });

  test.each(Object.entries(layouts))(
    'extremes and sums are those of the numbers they stand for, %s',
    (_, layout) => {
      const image = layout(
        quantizedTensor(list(x).slice(0, 120), [2, 3, 5, 4], dtype, {
          scheme: 'perTensor',
          scale,
          zeroPoint,
        }),
      );
      const real = image.dequantize();
      for (const [dims, keepDim] of [[undefined], [1, true], [[0, 2]], [-1], [[]]] as const) {
        const largest = image.amax(dims, keepDim);
        expect([largest.dtype, largest.qparams]).toEqual([dtype, image.qparams]);
        expect(list(largest.dequantize())).toEqual(list(real.amax(dims, keepDim)));
        expect(list(image.amin(dims, keepDim).dequantize())).toEqual(list(real.amin(dims, keepDim)));
        const total = image.sum(dims, keepDim);
        expect([total.dtype, total.qparams]).toEqual([
          'qint32',
          { scheme: 'perTensor', scale, zeroPoint: 0 },
        ]);
        const steps = image.intRepr().to('float32').sub(zeroPoint).sum(dims, keepDim);
        expect(total.shape).toEqual(steps.shape);
        expect(list(total)).toEqual(list(steps));
      }
      for (const dim of [undefined, 1, -1]) {
        expect(list(image.argmax(dim))).toEqual(list(real.argmax(dim)));
        expect(list(image.argmin(dim))).toEqual(list(real.argmin(dim)));
      }
    },
  );

  test('a sum that float32 may not hold is refused', () => {
    const long = quantizedTensor(new Array(65_794).fill(1), [65_794], dtype, {
      scheme: 'perTensor',
      scale,
      zeroPoint,
    });
    expect(() => long.sum()).toThrow(/sum: expected at most 65793 integers in a sum, found 65794/);
    expect(list(long.slice(0, 1).sum())).toEqual([65_793 * (1 - zeroPoint)]);
  });

  test.each(Object.entries(layouts))('tables work on %s tensors', (_, layout) => {
    const t = layout(x.reshape([4, 4, 16]));
    expect(list(t.relu())).toEqual(list(x.relu()));
  });
});

describe('views carry the parameters', () => {
  const scales = [0.1, 0.2, 0.3].map(Math.fround);
  const x = tensor(
    Array.from({ length: 12 }, (_, i) => i / 10),
    [2, 3, 2],
  ).quantizePerChannel(scales, [1, 2, 3], 1, 'qint8');
  const real = list(x.dequantize());

  test.each<[string, (t: Tensor) => Tensor]>([
    ['permute', (t) => t.permute([1, 2, 0])],
    ['transpose', (t) => t.transpose(0, 1)],
    ['slice of the channels', (t) => t.slice(1, 1, 3)],
    ['slice of another dim', (t) => t.slice(2, 1)],
    ['select of a channel', (t) => t.select(1, 2)],
    ['select of another dim', (t) => t.select(0, 1)],
    ['unsqueeze', (t) => t.unsqueeze(0)],
    ['squeeze of the only channel', (t) => t.slice(1, 1, 2).squeeze(1)],
    ['squeeze of another dim', (t) => t.slice(0, 1).squeeze()],
    ['expand in front', (t) => t.expand([2, -1, -1, -1])],
    ['expand of the only channel', (t) => t.slice(1, 1, 2).expand([2, 3, 2])],
    ['contiguous', (t) => t.transpose(0, 2).contiguous()],
    ['reshape to the same shape', (t) => t.reshape([2, 3, 2])],
  ])('%s', (_, view) => {
    const got = view(x);
    const want = view(tensor(real, [2, 3, 2]));
    expect(got.shape).toEqual(want.shape);
    expect(list(got.dequantize())).toEqual(list(want));
  });

  test('reshape can not keep channels', () => {
    expect(() => x.flatten()).toThrow(
      /reshape: expected a tensor with one scale, found one quantized per channel \(axis 1\)/,
    );
    expect(x.intRepr().flatten().shape).toEqual([12]);
    const q = tensor([[0.1, 0.2]])
      .quantizePerTensor(0.1, 3, 'quint8')
      .flatten();
    expect(q.qparams).toEqual({ scheme: 'perTensor', scale: 0.1, zeroPoint: 3 });
  });

  test('per-channel tensors are no activations', () => {
    expect(() => x.relu()).toThrow(/relu: expected a tensor quantized per tensor/);
  });
});

describe('quantize and dequantize', () => {
  test('are inverse on the grid, in every layout', () => {
    for (const layout of Object.values(layouts)) {
      const ints = list(randint(0, 256, [3, 4, 2], { generator: new Generator(2) }));
      const q = layout(quantizedTensor(ints, [3, 4, 2], 'quint8', qparams));
      const { scale, zeroPoint } = qparams;
      expect(list(q.dequantize().quantizePerTensor(scale, zeroPoint, 'quint8'))).toEqual(ints);
    }
  });

  test('per channel, in every layout', () => {
    const x = rand([3, 4, 2], { generator: new Generator(2) });
    const scales = [0.01, 0.02, 0.5, 1];
    const want = list(x.quantizePerChannel(scales, [0, 1, 2, 3], 1, 'qint8'));
    for (const layout of Object.values(layouts)) {
      expect(list(layout(x).quantizePerChannel(scales, [0, 1, 2, 3], -2, 'qint8'))).toEqual(want);
    }
    for (let c = 0; c < 4; c++) {
      const channel = x.select(1, c).quantizePerTensor(scales[c], c, 'qint8');
      expect(list(channel)).toEqual(
        list(x.quantizePerChannel(scales, [0, 1, 2, 3], 1, 'qint8').select(1, c)),
      );
    }
  });

  test('round half to even, saturate', () => {
    const q = tensor([0.5, 1.5, 2.5, -0.5, 1000, Number.POSITIVE_INFINITY, -1000]).quantizePerTensor(
      1,
      10,
      'quint8',
    );
    expect(list(q)).toEqual([10, 12, 12, 10, 255, 255, 0]);
  });

  test('dequantize leaves floats as they are', () => {
    const x = tensor([1]);
    expect(x.dequantize()).toBe(x);
  });
});

describe('quantizedTensor', () => {
  test('holds the integers and checked parameters', () => {
    const q = quantizedTensor([1, 2], [2], 'quint8', { scheme: 'perTensor', scale: 0.1, zeroPoint: 1 });
    expect(list(q)).toEqual([1, 2]);
    expect(q.qparams).toEqual({ scheme: 'perTensor', scale: 0.1, zeroPoint: 1 });
    expect(list(q.intRepr())).toEqual([1, 2]);
    expect(q.intRepr().dtype).toBe('uint8');
    expect(
      list(
        quantizedTensor([-7], [1], 'qint32', { scheme: 'perTensor', scale: 2, zeroPoint: 0 }).dequantize(),
      ),
    ).toEqual([-14]);
  });

  test('refuses parameters that can not be', () => {
    const make = (scale: number, zeroPoint: number) => () =>
      quantizedTensor([1], [1], 'quint8', { scheme: 'perTensor', scale, zeroPoint });
    expect(make(0, 0)).toThrow(/a finite scale > 0/);
    expect(make(Number.NaN, 0)).toThrow(/a finite scale > 0/);
    expect(make(1e-50, 0)).toThrow(/a finite scale > 0/);
    expect(make(1e-39, 0)).toThrow(
      /a finite reciprocal \(as float32\), found 1e-39\. Use one from 2\.94e-39/,
    );
    expect(make(Number.POSITIVE_INFINITY, 0)).toThrow(/found Infinity.*check the calibration data/);
    expect(make(1, 256)).toThrow(/a whole zero point from 0 to 255/);
    expect(make(1, 0.5)).toThrow(/a whole zero point/);
    const channels = {
      scheme: 'perChannel',
      axis: 0,
      scales: Float32Array.of(1),
      zeroPoints: Int32Array.of(0),
    } as const;
    expect(() => quantizedTensor([1, 2], [2], 'qint8', channels)).toThrow(/a scale for each of its indices/);
    expect(() => quantizedTensor([1], [1], 'qint8', { ...channels, axis: 1 })).toThrow(/an axis from 0 to 0/);
    expect(() => quantizedTensor([1], [2], 'qint8', qparams)).toThrow(/2 elements for shape \[2\], found 1/);
  });
});

test('a scale has a reciprocal, wherever it enters', () => {
  const x = tensor([[0, 1]]);
  const dtypes = ['quint8', 'qint8', 'qint32'] as const;
  for (const scale of [1e-39, 2.9e-39, 1e-45, 0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e39]) {
    for (const dtype of dtypes) {
      expect(() => x.quantizePerTensor(scale, 0, dtype)).toThrow(QuantizationError);
      expect(() => x.quantizePerChannel([1, scale], [0, 0], 1, dtype)).toThrow(QuantizationError);
      expect(() => perChannelQParams('f', dtype, [scale], [0], 0)).toThrow(QuantizationError);
    }
    expect(() => checkScale('f', scale)).toThrow(QuantizationError);
  }
  for (const scale of [2.94e-39, 1e-38, 1, 3.4e38]) {
    const q = x.quantizePerTensor(scale, 7, 'quint8');
    expect(list(q)[0]).toBe(7);
    expect(list(q.dequantize())[0]).toBe(0);
  }
});

test('copy_ wants the same parameters', () => {
  const a = tensor([0.1]).quantizePerTensor(0.1, 5, 'quint8');
  const b = tensor([0.3]).quantizePerTensor(0.1, 5, 'quint8');
  expect(list(a.copy_(b))).toEqual([8]);
  expect(() => a.copy_(tensor([0.3]).quantizePerTensor(0.2, 5, 'quint8'))).toThrow(
    /same scale and zero point/,
  );
  expect(() => a.copy_(tensor([0.3]))).toThrow(/copy_: expected quint8, found float32/);
});

test.each(['quint8', 'qint8'] as const)('averages of %s have the scale that is asked for', (dtype) => {
  const image = all(dtype).reshape([1, 4, 8, 8]);
  const output = { scale: 0.0173, zeroPoint: dtype === 'quint8' ? 77 : -51 };
  const averages: [Tensor, Tensor][] = [
    [image.mean([2, 3], true, { output }), image.dequantize().mean([2, 3], true)],
    [image.mean(1, false, { output }), image.dequantize().mean(1)],
    [image.avgPool2d(3, { padding: 1, output }), image.dequantize().avgPool2d(3, { padding: 1 })],
    [image.adaptiveAvgPool2d(3, { output }), image.dequantize().adaptiveAvgPool2d(3)],
  ];
  for (const [y, float] of averages) {
    expect(y.qparams).toEqual({ scheme: 'perTensor', ...output });
    const want = list(float.quantizePerTensor(output.scale, output.zeroPoint, dtype));
    // A sum in float32 may lie beside a tie.
    expect(Math.max(...list(y).map((q, i) => Math.abs(q - want[i])))).toBeLessThanOrEqual(1);
    expect(list(y).filter((q, i) => q !== want[i]).length).toBeLessThanOrEqual(0.02 * y.numel);
  }
  expect(() => image.dequantize().mean(1, false, { output })).toThrow(/no option output/);
  expect(() => image.mean(1, false, { output: { scale: 0, zeroPoint: 0 } })).toThrow(QuantizationError);
});

test('pools take 8 bits only', () => {
  const q = quantizedTensor([1], [1, 1, 1, 1], 'qint32', { scheme: 'perTensor', scale: 1, zeroPoint: 0 });
  expect(() => maxPool2d(q, 1)).toThrow(/quint8 or qint8, found qint32/);
});
