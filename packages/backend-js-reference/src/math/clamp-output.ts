import type { Clamp } from '@octet/backend';
import type { FloatArray } from '../kernel';

/** y = min(max(y, min), max) from element `begin` to `end`, if there are bounds; a NaN stays one. */
export function clampOutput(y: FloatArray, begin: number, end: number, bounds: Clamp | undefined): void {
  if (!bounds) return;
  const [min, max] = bounds;
  for (let i = begin; i < end; i++) y[i] = Math.min(Math.max(y[i], min), max);
}
