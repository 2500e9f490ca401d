import { size, type WasmKernel } from '../kernel';

/** Bytes worth a thread. */
const grainBytes = 1 << 14;

/** y [n,l,c] = clamp(rint((((x - mean) · (s · weight)) + bias) · inverse) + yZeroPoint), by the statistics of each sample and group */
export const qgroupNorm: WasmKernel<'qgroupNorm'> = (cx, t, { groups, eps, scale, inverse, yZeroPoint }) => {
  const [samples, length, channels] = t.x.shape;
  if (size(t.x) === 0) return;
  const filled = Math.ceil(channels / 16) * 16;
  const scratchBytes = filled * (2 * 8 + 3 * 4) + 64;
  const args = {
    ...{ x: cx.address(t.x), weight: cx.address(t.weight), bias: cx.address(t.bias), y: cx.address(t.y) },
    ...{ length, channels, width: channels / groups, eps, scale, inverse, yZeroPoint },
    ...cx.scratchEach(scratchBytes),
  };
  cx.parallel('qgroupNorm', args, samples, Math.ceil(grainBytes / (length * channels)));
};
