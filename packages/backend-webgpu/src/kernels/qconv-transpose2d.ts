import { type KernelTable, numel, type PrepackingKernel, subConvolutions, subOutput } from '@octet/backend';
import type { GpuBuffer } from '../buffers';
import type { Gpu } from '../gpu';
import type { GpuTensor, KernelFamily } from '../kernel';
import { copyStrided } from './copy-strided';
import { qconvolution } from './qconv2d';
import type { PackedWeights } from './qgemm';

/** A convolution for each phase of the stride, then put in its place. */
const transposed = (gpu: Gpu) => {
  const convolution = qconvolution(gpu);
  const { copyStrided: copy } = copyStrided(gpu) as {
    copyStrided: (t: { x: GpuTensor; y: GpuTensor }, attrs: KernelTable['copyStrided']['attrs']) => void;
  };
  const bytes = (buffer: GpuBuffer, dtype: 'int8' | 'uint8', shape: readonly number[]): GpuTensor => ({
    ...{ buffer, dtype, shape },
  });
  return {
    prepack: ({ weight, bias }, attrs) =>
      subConvolutions(weight.shape, attrs).map(({ weightShape, weightCopy, dilation }) => {
        const count = numel(weightShape);
        const { weightZeroPoint: zero } = attrs;
        // Weights that aren't there are zero points: they count for nothing.
        const none = () =>
          Int8Array.from(
            { length: count },
            (_, i) => zero[zero.length > 1 ? Math.floor(i / weightShape[3]) : 0],
          );
        const buffer = weightCopy ? gpu.scratch(count) : gpu.constant(none());
        const own = bytes(buffer, 'int8', weightShape);
        if (weightCopy) copy({ x: weight, y: own }, weightCopy);
        return convolution.prepack({ weight: own, bias }, { ...attrs, stride: [1, 1], dilation });
      }),

    run({ x, weight, y }, attrs, packed) {
      subConvolutions(weight.shape, attrs).forEach((part, i) => {
        const to = subOutput(part, y.shape, attrs);
        if (!to) return;
        const target = to.copy ? bytes(gpu.scratch(numel(to.shape)), 'uint8', to.shape) : y;
        const own = bytes(weight.buffer, 'int8', part.weightShape);
        convolution.run({ x, weight: own, y: target }, { ...attrs, ...to.attrs }, packed[i]);
        if (to.copy) copy({ x: target, y }, to.copy);
      });
    },

    free(packed) {
      for (const part of packed) convolution.free(part);
    },
  } satisfies PrepackingKernel<KernelTable['qconvTranspose2d'], GpuBuffer, PackedWeights[]>;
};

export const qconvTranspose2d: KernelFamily<'qconvTranspose2d'> = (gpu) => ({
  qconvTranspose2d: transposed(gpu),
});
