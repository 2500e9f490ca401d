import type { HostBuffer } from '../host-buffer';
import type { FloatArray, HostTensor } from '../kernel';

export const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));

/** shape[0] · shape[1] elements from `start` on, as a tensor of that memory. */
export function part(
  of: FloatArray,
  start: number,
  shape: readonly number[],
  { dtype }: HostTensor,
): HostTensor {
  const data = of.subarray(start, start + shape[0] * shape[1]);
  return { dtype, shape, buffer: { data } as unknown as HostBuffer };
}
