import { conv2d, conv2dRelu, fromData, manualSeed, randn, relu, relu6, type Tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import { createWasmBackend } from '../src';

// Every loop of the convolution: products of whole tiles and less, of one block of sums and of several, of patches that are
// gathered and that aren't, depthwise ones, and those of few channels a group.
const cases = [
  { x: [2, 5, 7, 5], weight: [13, 5, 1, 1] },
  { x: [1, 600, 3, 3], weight: [9, 600, 1, 1] },
  { x: [1, 70, 5, 6], weight: [5, 70, 3, 3], padding: 1 },
  { x: [2, 6, 9, 8], weight: [10, 3, 3, 3], groups: 2, stride: 2 },
  { x: [1, 6, 9, 8], weight: [6, 1, 3, 3], groups: 6 },
  { x: [1, 6, 9, 9], weight: [6, 1, 3, 3], groups: 6, stride: 2 },
  { x: [1, 8, 9, 9], weight: [8, 1, 5, 5], groups: 8, padding: 2 },
  { x: [1, 8, 5, 5], weight: [8, 1, 3, 3], groups: 8 },
  { x: [1, 6, 9, 8], weight: [12, 1, 3, 3], groups: 6 },
  { x: [1, 8, 7, 7], weight: [12, 2, 3, 3], groups: 4, stride: 2 },
  { x: [1, 9, 8, 3], weight: [6, 3, 5, 1], groups: 3, padding: 2 },
];

const bits = (t: Tensor) => new Uint32Array((t.dataSync() as Float32Array).buffer);

describe.each([
  { relaxedSimd: true, threads: 1 },
  { relaxedSimd: false, threads: 1 },
  { relaxedSimd: true, threads: 2 },
])('%o', (options) => {
  test.each(cases)(
    'bounds in the convolution have the bits of relu, relu6 and clamp after it: $weight of $x',
    async ({ x: shape, weight: kernel, ...window }) => {
      const backend = await createWasmBackend(options);
      manualSeed(1);
      const x = randn(shape).abs().neg().to(backend);
      // The sums of the first channel are -0 (beside the padding 0), those of the second NaN.
      const numbers = randn(kernel).dataSync() as Float32Array;
      const weight = fromData(numbers.fill(0, 0, numbers.length / kernel[0]), kernel, { backend });
      const noise = randn([kernel[0] - 2]).dataSync() as Float32Array;
      const bias = fromData([-0, Number.NaN, ...noise], [kernel[0]], { backend });
      const plain = conv2d(x, weight, bias, window);
      const sums = plain.dataSync();
      expect(sums.some((v) => Object.is(v, -0)) && sums.some(Number.isNaN) && sums.some((v) => v < 0)).toBe(
        true,
      );
      expect(bits(conv2dRelu(x, weight, bias, window))).toEqual(bits(relu(plain)));
      expect(bits(conv2d(x, weight, bias, { ...window, clamp: [0, 6] }))).toEqual(bits(relu6(plain)));
      const clamp = [-0.5, 1.5] as const;
      expect(bits(conv2d(x, weight, bias, { ...window, clamp }))).toEqual(bits(plain.clamp(...clamp)));
      backend.dispose();
    },
  );
});
