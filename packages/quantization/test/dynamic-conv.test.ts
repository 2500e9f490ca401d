import { ArgumentError, DTypeError, extendBackend, runKernel, ShapeError } from '@octet/backend';
import { Conv1d, Conv2d, Linear } from '@octet/nn';
import { getBackend, manualSeed, noGrad, randn, type Tensor, tensor, unfold } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import { dynamic } from '../src';

beforeEach(() => void manualSeed(5));

const weightOf = (conv: Conv1d | Conv2d): Tensor => {
  const largest = Array.from(
    noGrad(() => conv.weight.abs().amax([...conv.weight.shape.keys()].slice(1))).dataSync(),
  );
  const scales = largest.map((w) => w / 127);
  return conv.weight.detach().quantizePerChannel(
    scales,
    scales.map(() => 0),
    0,
    'qint8',
  );
};

/** What an input's own 8 bits make of it. */
function rounded(x: Tensor): Tensor {
  const values = x.dataSync();
  const [min, max] = [Math.min(0, ...values), Math.max(0, ...values)];
  const scale = (max - min) / 255;
  return x.quantizePerTensor(scale, Math.round(-min / scale), 'quint8').dequantize();
}

describe('dynamic convolutions', () => {
  test.each([
    ['plain', new Conv1d(3, 4, 5), [2, 3, 17]],
    ['strided', new Conv1d(3, 4, 3, { stride: 2, padding: 1, dilation: 2 }), [1, 3, 16]],
    ['plain', new Conv2d(3, 5, 3), [2, 3, 8, 9]],
    ['of points', new Conv2d(6, 5, 1, { bias: false }), [2, 6, 4, 4]],
    [
      'strided',
      new Conv2d(3, 5, [3, 2], { stride: [2, 1], padding: [1, 0], dilation: [1, 2] }),
      [1, 3, 9, 8],
    ],
    ['grouped', new Conv1d(6, 4, 3, { groups: 2, padding: 1 }), [2, 6, 9]],
    ['depthwise', new Conv2d(4, 8, 3, { groups: 4, stride: 2 }), [1, 4, 9, 8]],
    ["padded 'same'", new Conv2d(3, 4, [2, 3], { padding: 'same' }), [1, 3, 6, 7]],
    ["padded 'valid'", new Conv1d(3, 4, 2, { padding: 'valid' }), [1, 3, 6]],
    ['reflecting', new Conv1d(3, 4, 3, { padding: 2, paddingMode: 'reflect' }), [2, 3, 8]],
  ] as [string, Conv1d | Conv2d, number[]][])(
    '%s, are the convolution of what is rounded',
    (_, conv, shape) => {
      const x = randn(shape);
      const weight = weightOf(conv);
      const layer =
        conv instanceof Conv1d ? new dynamic.Conv1d(conv, weight) : new dynamic.Conv2d(conv, weight);
      const y = noGrad(() => layer.call(x));
      const want = noGrad(() => layer.toFloat().eval().call(rounded(x)));
      expect(y.shape).toEqual(want.shape);
      const [a, b] = [y.dataSync(), want.dataSync()];
      const largest = Math.max(...b.map(Math.abs));
      // A step of the input may go either way.
      for (let i = 0; i < a.length; i++) expect(Math.abs(a[i] - b[i])).toBeLessThan(0.005 * largest);
    },
  );

  test('save and load', () => {
    const [a, b] = [new Conv2d(2, 3, 3), new Conv2d(2, 3, 3)].map(
      (conv) => new dynamic.Conv2d(conv, weightOf(conv)),
    );
    const x = randn([1, 2, 5, 5]);
    b.call(x);
    b.loadStateDict(a.stateDict());
    expect(b.call(x).dataSync()).toEqual(a.call(x).dataSync());
  });

  test('are what windows written out as rows give, to the last bit', () => {
    for (const reduceRange of [false, true]) {
      const conv = new Conv2d(5, 6, [3, 2], { padding: [1, 1], dilation: [2, 1] });
      const weight = weightOf(conv);
      const x = randn([2, 5, 8, 7]);
      const y = new dynamic.Conv2d(conv, weight, { reduceRange }).call(x);
      const rows = noGrad(() => unfold(x, [3, 2], { padding: [1, 1], dilation: [2, 1] }).transpose(1, 2));
      const linear = new Linear(30, 6);
      Object.assign(linear, { bias: conv.bias });
      const { scales } = weight.qparams as unknown as { scales: readonly number[] };
      const flat = weight.dequantize().reshape([6, 30]);
      const ofRows = flat.quantizePerChannel(
        [...scales],
        [...scales].map(() => 0),
        0,
        'qint8',
      );
      const want = new dynamic.Linear(linear, ofRows, { reduceRange }).call(rows);
      expect(y.reshape([2, 6, -1]).transpose(1, 2).contiguous().dataSync()).toEqual(
        want.reshape([2, -1, 6]).dataSync(),
      );
    }
  });

  test('NaN in x makes every output NaN', () => {
    const layer = new dynamic.Conv2d(new Conv2d(1, 2, 1), weightOf(new Conv2d(1, 2, 1)));
    const y = layer.call(tensor([1, NaN, 2, 3], [1, 1, 2, 2])).dataSync();
    expect([...y].every(Number.isNaN)).toBe(true);
  });

  test('pack their weight once', () => {
    const base = getBackend();
    const { qconv2dDynamic } = base.kernels;
    if (!qconv2dDynamic) throw new Error('no kernel to build on');
    let packings = 0;
    const backend = extendBackend(base, {
      name: 'packing',
      kernels: {
        qconv2dDynamic: {
          prepack: () => ++packings,
          run: (tensors, attrs) => runKernel(qconv2dDynamic, tensors, attrs),
        },
      },
    });
    const conv = new Conv2d(2, 3, 3);
    const layer = new dynamic.Conv2d(conv, weightOf(conv)).to(backend);
    for (let i = 0; i < 3; i++) layer.call(randn([1, 2, 5, 5], { backend }));
    expect(packings).toBe(1);
  });

  test('are made of Conv1d and Conv2d, float32 in, and say what they are', () => {
    class Mine extends Conv2d {}
    expect(dynamic.isDynamicConv(new Mine(1, 1, 1))).toBe(false);
    expect(() => new dynamic.Conv2d(new Mine(1, 1, 1), weightOf(new Conv2d(1, 1, 1)))).toThrow(ArgumentError);
    expect(dynamic.isDynamicConv(new Conv1d(1, 1, 1))).toBe(true);
    expect(dynamic.isDynamicConv(new Linear(1, 1))).toBe(false);
    const conv = new Conv2d(4, 4, 3, { groups: 2, padding: 1 });
    const layer = new dynamic.Conv2d(conv, weightOf(conv));
    expect(layer.extraRepr()).toContain('groups=2');
    expect(layer.macs([1, 4, 5, 5], [1, 4, 5, 5])).toBe(conv.macs([1, 4, 5, 5], [1, 4, 5, 5]));
    expect(() => layer.call(randn([1, 4, 5, 5]).to('float64'))).toThrow(DTypeError);
    expect(() => layer.call(randn([4, 5, 5]))).toThrow(ShapeError);
    expect(() => layer.call(randn([1, 3, 5, 5]))).toThrow(ShapeError);
  });
});
