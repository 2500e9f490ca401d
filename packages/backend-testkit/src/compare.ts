import { isFloatDType, type StorageDType, type TypedArray } from '@octet/backend';
import type { Tolerance } from './cases';

/** A backend broke the contract. The message says where and how. */
export class ConformanceError extends Error {
  override readonly name = 'ConformanceError';
}

/** Where two arrays part. */
export interface Difference {
  /** The first index that differs. */
  index: number;
  expected: number;
  found: number;
  /** How many elements differ. */
  count: number;
  /** The largest difference. */
  largest: number;
}

function agree(found: number, expected: number, tolerance: Tolerance): boolean {
  if (found === expected || (Number.isNaN(found) && Number.isNaN(expected))) return true;
  if (tolerance === 'exact') return false;
  return Math.abs(found - expected) <= tolerance.atol + tolerance.rtol * Math.abs(expected);
}

/** The first difference, or undefined if there is none. Integers and masks must be equal whatever the tolerance. */
export function firstDifference(
  found: TypedArray,
  expected: TypedArray,
  dtype: StorageDType,
  tolerance: Tolerance,
): Difference | undefined {
  const rule = isFloatDType(dtype) ? tolerance : 'exact';
  let difference: Difference | undefined;
  for (let i = 0; i < expected.length; i++) {
    if (agree(found[i], expected[i], rule)) continue;
    const distance = Math.abs(found[i] - expected[i]);
    difference ??= { index: i, expected: expected[i], found: found[i], count: 0, largest: 0 };
    difference.count += 1;
    if (!(distance <= difference.largest)) difference.largest = distance;
  }
  return difference;
}

/** Attributes in one line, long arrays cut. */
export function showAttrs(attrs: object): string {
  return JSON.stringify(attrs, (_, value: unknown) => {
    if (!ArrayBuffer.isView(value)) return value === Infinity || value === -Infinity ? String(value) : value;
    const numbers = Array.from(value as TypedArray);
    return numbers.length > 8 ? [...numbers.slice(0, 8), `… ${numbers.length} in all`] : numbers;
  });
}
