import type { Clamp } from '@octet/backend';

/** What a wasm function clamps its output to: infinities where nothing is to be clamped. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}

export const unbounded: Bounds = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

export function boundsOf(clamp: Clamp | undefined): Bounds {
  return clamp ? { low: clamp[0], high: clamp[1] } : unbounded;
}
