/** Checks of constructor arguments, and how they are printed. */
import { ArgumentError, type Pair, ShapeError } from '@octet/backend';
import { formatShape, kernel, type Tensor } from '@octet/tensor';

/** A size of height and width, one number for both. */
export type Size2 = number | readonly [height: number, width: number];

/** @throws ArgumentError unless `value` is a whole number of at least `min`. */
export function whole(op: string, name: string, value: number, min = 1): number {
  if (Number.isInteger(value) && value >= min) return value;
  throw new ArgumentError({
    op,
    expected: `${name} to be a whole number >= ${min}`,
    found: String(value),
    fix: 'Check the arguments of the layer.',
  });
}

/** [height, width] of `value`. @throws ArgumentError unless both are whole numbers of at least `min`. */
export function pair(op: string, name: string, value: Size2, min = 1): Pair {
  const sizes = typeof value === 'number' ? [value, value] : value;
  if (sizes.length === 2 && sizes.every((v) => Number.isInteger(v) && v >= min)) return [sizes[0], sizes[1]];
  throw new ArgumentError({
    op,
    expected: `${name} to be a whole number >= ${min}, or two: [height, width]`,
    found: typeof value === 'number' ? String(value) : formatShape(value),
    fix: 'Check the arguments of the layer.',
  });
}

/** @throws ArgumentError unless min <= value <= max. */
export function within(
  op: string,
  name: string,
  value: number,
  min: number,
  max = Number.POSITIVE_INFINITY,
): number {
  if (value >= min && value <= max) return value;
  throw new ArgumentError({
    op,
    expected: max === Number.POSITIVE_INFINITY ? `${name} >= ${min}` : `${name} from ${min} to ${max}`,
    found: String(value),
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
