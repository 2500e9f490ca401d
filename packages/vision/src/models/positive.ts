import { ArgumentError, describe } from '@octet/backend';

/** @throws ArgumentError unless `value` is a number above 0. */
export function requirePositive(op: string, name: string, value: number): void {
  if (value > 0) return;
  throw new ArgumentError({
    op,
    expected: `${name} > 0`,
    found: describe(value),
    fix: 'The default is 1; 0.5 halves it.',
  });
}
