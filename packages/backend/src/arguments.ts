/** Checks of arguments, which all packages share. */
import { ArgumentError } from './errors';
import type { Pair } from './kernel-table';

/**
 * Checks the options of a function or constructor before it does anything else, and returns them.
 *
 * @param known the names of all options, separated by spaces
 * @throws ArgumentError unless `options` is an object (or missing) and `known` has each of its keys. The error names the
 * nearest known option. Keys with the value undefined are not looked at.
 */
export function checkOptions<T extends object>(op: string, options: T | null | undefined, known = ''): T {
  const given: object = options ?? {};
  let names = namesIn.get(known);
  if (!names) {
    names = known.split(' ').filter(Boolean);
    namesIn.set(known, names);
  }
  return checkNames(op, given, names) as T;
}

/** The names in each `known`: ops ask at every call. */
const namesIn = new Map<string, readonly string[]>();

function checkNames(op: string, given: object, names: readonly string[]): object {
  const refuse = (found: string, fix: string): never => {
    const expected = names.length > 0 ? `options of { ${names.join(', ')} }` : 'no options';
    throw new ArgumentError({ op, expected, found, fix });
  };
  // Sets and the like have no keys that could be looked at.
  if (typeof given !== 'object' || Symbol.iterator in given) {
    const fix = `Options have names, not places: write { ${names[0]}: … }.`;
    refuse(describe(given), names.length > 0 ? fix : 'Leave it out.');
  }
  for (const key of Object.keys(given)) {
    if (names.includes(key) || (given as Record<string, unknown>)[key] === undefined) continue;
    const near = nearest(key, names);
    refuse(
      Object.getPrototypeOf(given) === Object.prototype ? `'${key}'` : describe(given),
      near ? `Did you mean '${near}'?` : 'Leave it out: there is no such option.',
    );
  }
  return given;
}

/** The name that differs least from `key` regardless of case and underscores, if by a third of its letters at most. */
function nearest(key: string, names: readonly string[]): string | undefined {
  const plain = (name: string) => name.replace(/[_-]/g, '').toLowerCase();
  let best: string | undefined;
  let least = Math.max(1, Math.floor(key.length / 3)) + 1;
  for (const name of names) {
    const d = editDistance(plain(key), plain(name));
    if (d < least) [best, least] = [name, d];
  }
  return best;
}

/** Insertions, deletions and substitutions between two words: Wagner and Fischer, 1974. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}

const types = { boolean: 'true or false', number: 'a number', function: 'a function' };

/** @throws ArgumentError unless `value` is of this type, as `typeof` names it. */
export function requireType<T>(op: string, name: string, value: T, type: keyof typeof types): T {
  if (typeof value === type) return value;
  throw new ArgumentError({
    op,
    expected: `${name} to be ${types[type]}`,
    found: describe(value),
    fix: `It is no options object: write ${name} itself.`,
  });
}

/** @throws ArgumentError unless `value` is true or false. */
export function requireFlag(op: string, name: string, value: boolean): boolean {
  return requireType(op, name, value, 'boolean');
}

/** @throws ArgumentError unless each of the named values is a number; NaN and infinities are. */
export function requireNumbers(op: string, values: object): void {
  // Runs at every elementwise op: without a list of the entries.
  for (const name in values) requireType<unknown>(op, name, values[name as never], 'number');
}

/** @throws ArgumentError unless `value` is one of `known`. */
export function requireOneOf(op: string, name: string, value: unknown, known: readonly unknown[]): void {
  if (known.includes(value)) return;
  throw new ArgumentError({
    op,
    expected: `${name} to be ${known.map(describe).join(' or ')}`,
    found: describe(value),
    fix: 'Use one of these.',
  });
}

/** @throws ArgumentError unless `value` is an array. */
export function requireList<T extends readonly unknown[]>(op: string, name: string, value: T): T {
  if (Array.isArray(value)) return value;
  throw new ArgumentError({
    op,
    expected: `${name} to be an array`,
    found: describe(value),
    fix: `Write it in brackets, as in ${op}([2, 3]).`,
  });
}

/** @throws ArgumentError unless `value` can be iterated, at once or by waiting. */
export function requireIterable(op: string, name: string, value: unknown): void {
  const given = Object(value);
  if (!(Symbol.iterator in given || Symbol.asyncIterator in given)) requireList(op, name, value as never);
}

/** [height, width] of one number or two. @throws ArgumentError unless both are whole numbers >= min. */
export function requirePair(
  op: string,
  name: string,
  value: number | readonly [height: number, width: number],
  min = 1,
): Pair {
  const pair: readonly unknown[] = Array.isArray(value) ? value : [value, value];
  if (pair.length === 2 && pair.every((v) => Number.isInteger(v) && (v as number) >= min)) {
    return [pair[0], pair[1]] as Pair;
  }
  throw new ArgumentError({
    op,
    expected: `${name} to be a whole number >= ${min}, or two of them: [height, width]`,
    found: describe(value),
    fix:
      name === 'padding'
        ? 'It is a number of pixels: (kernelSize - 1) / 2 keeps the size of the image where the stride is 1.'
        : `Correct '${name}'.`,
  });
}

/** A size along the one dim of a row, by itself or in a list of one. @throws ArgumentError unless it is a whole number >= min. */
export function requireSingle(
  op: string,
  name: string,
  value: number | readonly [length: number],
  min = 1,
): number {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 1 && Number.isInteger(list[0]) && (list[0] as number) >= min) return list[0] as number;
  throw new ArgumentError({
    op,
    expected: `${name} to be a whole number >= ${min}`,
    found: describe(value),
    fix: `There is one dim that windows slide along: correct '${name}'.`,
  });
}

/** A value as error messages show it. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return `[${value}]`;
  if (typeof value === 'function') return `the function ${value.name}`;
  if (typeof value !== 'object' || value === null) return String(value);
  const name = value.constructor?.name ?? 'Object';
  return name === 'Object' ? `an object of { ${Object.keys(value).join(', ')} }` : `a ${name}`;
}
