import type { TypedArray } from '@octet/backend';
import type { StateLoader } from '@octet/nn/modules';
import { formatShape } from '@octet/tensor/functional';

/**
 * The numbers of the entry `key`; undefined, with the problem noted, if `fits` says no to them or to their shape; also
 * without such an entry.
 * @throws BackendError as `StateLoader.read`
 */
export function numbersOf(
  load: StateLoader,
  key: string,
  expected: string,
  fits: (values: TypedArray, shape: readonly number[]) => boolean,
): TypedArray | undefined {
  const found = load.has(key) && load.take(key);
  const values = found ? load.read(key) : undefined;
  if (!found || !values || fits(values, found.shape)) return values;
  load.reject(key, expected, `${formatShape(found.shape)} ${values.slice(0, 4)}`);
  return undefined;
}

/** For `numbersOf`: one number, as it should be. */
export function one(fits: (value: number) => boolean): (values: TypedArray) => boolean {
  return (values) => values.length === 1 && fits(values[0]);
}
