import { ArgumentError } from './errors';

/** @throws ArgumentError for the first index outside of 0 to `limit` - 1, except `ignored`. */
export function checkIndices(
  op: string,
  what: string,
  indices: Int32Array,
  count: number,
  limit: number,
  ignored?: number,
): void {
  for (let i = 0; i < count; i++) {
    const index = indices[i];
    if ((index >= 0 && index < limit) || index === ignored) continue;
    throw new ArgumentError({
      op,
      expected: `${what} from 0 to ${limit - 1}`,
      found: `${index} at position ${i}`,
      fix: `Check what makes the ${what}: every one must be less than ${limit}.`,
    });
  }
}
