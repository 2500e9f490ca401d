import { ArgumentError } from '@octet/backend';

/** The version of the file format that each operator set came with. */
const irVersions: Readonly<Record<number, number>> = {
  13: 7,
  14: 7,
  15: 8,
  16: 8,
  17: 8,
  18: 8,
  19: 9,
  20: 9,
  21: 10,
  22: 10,
};

/** The oldest: the first whose QuantizeLinear knows channels. What it lacks (HardSwish, Gelu) is written as what it has. */
export const defaultOpset = 13;

/** @throws ArgumentError for an opset that isn't supported */
export function irVersionOf(opset: number): number {
  const version = irVersions[opset];
  if (version !== undefined) return version;
  const known = Object.keys(irVersions);
  throw new ArgumentError({
    op: 'exportOnnx',
    expected: `an opset from ${known[0]} to ${known.at(-1)}`,
    found: String(opset),
    fix: `Leave it out for ${defaultOpset}, which every current engine reads.`,
  });
}
