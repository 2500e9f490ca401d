/** Checks of bounds, apart from the ops that take them: `kernel` has them without those. */
import { ArgumentError, type Clamp, describe, requireNumbers } from '@octet/backend';

/** @throws ArgumentError unless it is a pair of numbers in order, or absent */
export function requireClamp(op: string, clamp: Clamp | undefined): void {
  if (clamp === undefined) return;
  if (!Array.isArray(clamp) || clamp.length !== 2) {
    throw new ArgumentError({
      op,
      expected: 'clamp to be [min, max]',
      found: describe(clamp),
      fix: 'A ReLU is [0, Infinity], a ReLU6 [0, 6].',
    });
  }
  requireOrder(op, clamp[0], clamp[1]);
}

export function requireOrder(op: string, min: number, max: number): void {
  requireNumbers(op, { min, max });
  if (min <= max) return;
  throw new ArgumentError({
    op,
    expected: 'min <= max',
    found: `${min} and ${max}`,
    fix: 'Swap the two bounds.',
  });
}
