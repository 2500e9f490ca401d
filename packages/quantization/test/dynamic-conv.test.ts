import { ArgumentError } from '@octet/backend';
import { Conv1d, Conv2d, Linear } from '@octet/nn';
import { manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
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

  test('refuse groups, and paddings that they have not', () => {
    for (const conv of [
      new Conv2d(4, 4, 3, { groups: 2 }),
      new Conv2d(4, 4, 3, { padding: 'same' }),
      new Conv2d(4, 4, 3, { padding: 1, paddingMode: 'reflect' }),
    ]) {
      expect(dynamic.isDynamicConv(conv)).toBe(false);
      expect(() => new dynamic.Conv2d(conv, weightOf(conv))).toThrow(ArgumentError);
    }
    expect(dynamic.isDynamicConv(new Conv1d(1, 1, 1))).toBe(true);
    expect(dynamic.isDynamicConv(new Linear(1, 1))).toBe(false);
  });
});
