import { conv2d, conv2dRelu, fromData, manualSeed, randn, relu, relu6, type Tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import { createTestBackend, noGpu } from './adapter';

// Sums in one part and in several, of patches and of the image's own rows, depthwise ones, and those of few channels a group.
const cases = [
  { x: [2, 5, 7, 5], weight: [13, 5, 1, 1] },
  { x: [1, 600, 3, 3], weight: [9, 600, 1, 1] },
  { x: [1, 70, 5, 6], weight: [5, 70, 3, 3], padding: 1 },
  { x: [2, 6, 9, 8], weight: [10, 3, 3, 3], groups: 2, stride: 2 },
  { x: [1, 6, 9, 8], weight: [6, 1, 3, 3], groups: 6 },
  { x: [1, 6, 9, 8], weight: [9, 2, 3, 3], groups: 3 },
];

const bits = async (t: Tensor) => new Uint32Array(((await t.data()) as Float32Array).buffer);

describe.skipIf(noGpu)('conv2d', () => {
  test.each(cases)(
    'bounds in it have the bits of relu and relu6 after it: $weight of $x',
    async ({ x: shape, weight: kernel, ...window }) => {
      const backend = await createTestBackend();
      manualSeed(1);
      const [x, weight] = await Promise.all([shape, kernel].map((s) => randn(s).toAsync(backend)));
      const noise = randn([kernel[0] - 1]).dataSync() as Float32Array;
      const bias = fromData([Number.NaN, ...noise], [kernel[0]], { backend });
      const plain = conv2d(x, weight, bias, window);
      expect((await plain.data()).some((v) => v < 0)).toBe(true);
      expect(await bits(conv2dRelu(x, weight, bias, window))).toEqual(await bits(relu(plain)));
      const relu6d = conv2d(x, weight, bias, { ...window, clamp: [0, 6] });
      expect(await bits(relu6d)).toEqual(await bits(relu6(plain)));
      backend.dispose();
    },
  );
});
