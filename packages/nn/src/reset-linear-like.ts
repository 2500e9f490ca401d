import type { Tensor } from '@octet/tensor/functional';
import { calculateFanInAndFanOut, kaimingUniform_, uniform_ } from './init';

/** PyTorch's start for convolutions and linear layers: uniform in ±1/√fanIn. */
export function resetLinearLike(weight: Tensor, bias: Tensor | undefined): void {
  kaimingUniform_(weight, { a: Math.sqrt(5) });
  const { fanIn } = calculateFanInAndFanOut(weight);
  const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0;
  if (bias) uniform_(bias, -bound, bound);
}
