/** Checks of constructor arguments, and how they are printed. */
import { ArgumentError, describe, ShapeError } from '@octet/backend';
import { formatShape, kernel, type Tensor } from '@octet/tensor/functional';

/** A size of height and width, one number for both. */
export type Size2 = number | readonly [height: number, width: number];

/** A size along a row, in a list as PyTorch keeps it. */
export type Single = readonly [length: number];

/** A size along a row, by itself or in a list. */
export type Size1 = number | Single;

/** @throws ArgumentError unless `value` is a whole number of at least `min`. */
export function requireInteger(op: string, name: string, value: number, min = 1): number {
  if (Number.isInteger(value) && value >= min) return value;
  throw new ArgumentError({
    op,
    expected: `${name} to be a whole number >= ${min}`,
    found: describe(value),
    fix: 'Check the arguments of the layer.',
  });
}

/** @throws ArgumentError unless min <= value <= max. */
export function requireRange(
  op: string,
  name: string,
  value: number,
  min: number,
  max = Number.POSITIVE_INFINITY,
): number {
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw new ArgumentError({
    op,
    expected: max === Number.POSITIVE_INFINITY ? `${name} >= ${min}` : `${name} from ${min} to ${max}`,
    found: describe(value),
    fix: 'Check the arguments of the layer.',
  });
}

/** @throws ShapeError unless `x` has one of the ranks. */
export function requireRank(op: string, x: Tensor, layout: string, ...ranks: readonly number[]): void {
  kernel.requireTensor(op, x);
  if (ranks.includes(x.dim)) return;
  throw new ShapeError({
    op,
    expected: `an input of shape ${layout}`,
    found: formatShape(x.shape),
    fix: 'Reshape it; unsqueeze(0) adds a batch dimension.',
  });
}

/** `name=value` of arguments, as they are printed: only those that aren't undefined. */
export function repr(args: Readonly<Record<string, unknown>>): string {
  return Object.entries(args)
    .filter(([, v]) => v !== undefined)
    .map(([name, v]) => `${name}=${Array.isArray(v) ? formatShape(v) : String(v)}`)
    .join(', ');
}
