import { ArgumentError } from '@octet/backend';
import { fromData, stack, Tensor } from '@octet/tensor';

/** What `collate` makes of samples of type T. */
export type Collated<T> = T extends Tensor | number | boolean
  ? Tensor
  : T extends string
    ? string[]
    : T extends readonly unknown[]
      ? { -readonly [K in keyof T]: Collated<T[K]> }
      : T extends object
        ? { [K in keyof T]: Collated<T[K]> }
        : T[];

/**
 * Makes one batch of samples: tensors are stacked along a new first dimension; numbers become an int32 tensor if all are
 * whole (labels), else float32, booleans a bool one; arrays and plain objects are collated entry by entry; all else, as
 * strings, is put into an array. Where targets are only sometimes whole, let the samples be tensors.
 *
 * @throws ArgumentError without samples, or if they differ in kind, length or keys
 * @throws ShapeError if their tensors differ in shape
 */
export function collate<T>(samples: readonly T[]): Collated<T>;
export function collate(samples: readonly unknown[]): unknown {
  const first = samples[0];
  if (samples.length === 0) throw mismatch('at least one sample', 'none');
  const all = <K>(is: (value: unknown) => value is K): readonly K[] => {
    const odd = samples.findIndex((sample) => !is(sample));
    if (odd >= 0)
      throw mismatch(`samples like the first, ${describe(first)}`, `${describe(samples[odd])} at ${odd}`);
    return samples as readonly K[];
  };
  if (first instanceof Tensor)
    return stack(
      all((v) => v instanceof Tensor),
      0,
    );
  if (typeof first === 'number') {
    const numbers = all((v) => typeof v === 'number');
    const whole = numbers.every((n) => Number.isInteger(n) && Math.abs(n) < 2 ** 31);
    return fromData(numbers, [numbers.length], { dtype: whole ? 'int32' : 'float32' });
  }
  if (typeof first === 'boolean') {
    const flags = all((v) => typeof v === 'boolean');
    return fromData(flags.map(Number), [flags.length], { dtype: 'bool' });
  }
  if (Array.isArray(first)) {
    const { length } = first;
    const rows = all((v): v is unknown[] => Array.isArray(v) && v.length === length);
    return first.map((_, i) => collate(rows.map((row) => row[i])));
  }
  if (isRecord(first)) {
    const keys = Object.keys(first);
    const alike = (v: unknown): v is Record<string, unknown> =>
      isRecord(v) && Object.keys(v).length === keys.length && keys.every((key) => key in v);
    const records = all(alike);
    return Object.fromEntries(keys.map((key) => [key, collate(records.map((record) => record[key]))]));
  }
  return [...samples];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function describe(value: unknown): string {
  if (value instanceof Tensor) return 'a tensor';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isRecord(value)) return `{ ${Object.keys(value).join(', ')} }`;
  return `a ${typeof value}`;
}

function mismatch(expected: string, found: string): ArgumentError {
  return new ArgumentError({
    op: 'collate',
    expected,
    found,
    fix: 'Or pass a collate function of your own.',
  });
}
