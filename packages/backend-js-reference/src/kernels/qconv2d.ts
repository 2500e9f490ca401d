import { convGeometry } from '@octet/backend';
import { bytes, ints, type RefKernel } from '../kernel';
import { convolve } from '../math/convolve';
import { centerWeights, requantizeTo } from '../math/requantize';
import { scratch } from '../math/scratch';

/**
 * x [N,H,W,C] uint8, weight [O,kh,kw,C/groups] int8, bias [O]? int32 → y [N,OH,OW,O] uint8:
 * sum = bias + Σ (x - xZeroPoint)(weight - weightZeroPoint), where padding is xZeroPoint, then requantized:
 * y = clamp(rint(f32(f32(sum) · multiplier)) + yZeroPoint, clampMin, clampMax).
 */
export const qconv2d: RefKernel<'qconv2d'> = (t, attrs) => {
  const g = convGeometry(t.x, t.weight, t.y, attrs);
  const weight = scratch('qconv2d weight', g.outChannels * g.patchSize);
  centerWeights(bytes(t.weight) as Int8Array, attrs.weightZeroPoint, g.outChannels, g.patchSize, weight);
  const emit = requantizeTo(bytes(t.y) as Uint8Array, g.outChannels, t.bias && ints(t.bias), attrs);
  convolve(bytes(t.x) as Uint8Array, attrs.xZeroPoint, weight, g, emit);
};
