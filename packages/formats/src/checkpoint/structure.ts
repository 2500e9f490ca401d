import { ArgumentError } from '@octet/backend';
import { Tensor } from '@octet/tensor/functional';
import { type MakeError, quote } from '../errors';
import { isObject, isWellFormed } from '../safetensors/json';
import type { StateDict } from '../state-dict';

/** The key of the metadata that says where the tensors belong. */
export const CHECKPOINT = 'octet.checkpoint';

const VERSION = 1;
const MAX_DEPTH = 64;

/** Something whose state is saved: a module, an optimizer, a schedule. */
export interface Stateful {
  stateDict(): object;
}

export interface Taken {
  readonly tensors: StateDict;
  /** The rest, as JSON: `{ "$tensor": name }` where a tensor was, `{ "$number": … }` for numbers that JSON has not. */
  readonly json: string;
}

/** Takes values apart into tensors, named by where they were, and JSON. @throws ArgumentError for what neither holds */
export function takeApart(op: string, values: object): Taken {
  const tensors: StateDict = {};
  const refuse = (path: string, found: string, fix: string) =>
    new ArgumentError({
      op,
      expected:
        'tensors, numbers, texts, truth values, lists and plain objects of these, or what has a stateDict()',
      found: `${path === '' ? 'the checkpoint' : quote(path)}: ${found}`,
      fix,
    });

  const encode = (value: unknown, path: string, depth: number): unknown => {
    if (depth > MAX_DEPTH)
      throw refuse(path, `more than ${MAX_DEPTH} levels`, 'An object may not hold itself.');
    if (value instanceof Tensor) {
      let name = path;
      for (let i = 2; Object.hasOwn(tensors, name); i++) name = `${path}#${i}`;
      tensors[name] = value;
      return { $tensor: name };
    }
    if (typeof value === 'number')
      return Number.isFinite(value) && !Object.is(value, -0) ? value : { $number: numberText(value) };
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    const at = (key: string | number) => (path === '' ? `${key}` : `${path}.${key}`);
    if (Array.isArray(value)) return value.map((v, i) => encode(v, at(i), depth + 1));
    if (isObject(value)) {
      if (typeof value.stateDict === 'function') return encode(value.stateDict(), path, depth);
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype !== null && prototype !== Object.prototype)
        throw refuse(path, `a ${value.constructor?.name ?? 'class'}`, 'Save what it is made of.');
      const entries = Object.entries(value).filter(([, v]) => v !== undefined);
      const strange = entries.find(([key]) => key.startsWith('$') || !isWellFormed(key));
      if (strange)
        throw refuse(at(quote(strange[0])), 'a key that begins with $, or no Unicode text', 'Rename it.');
      return Object.fromEntries(entries.map(([key, v]) => [key, encode(v, at(key), depth + 1)]));
    }
    throw refuse(path, typeof value, 'Leave it out, or save a text or a number in its place.');
  };

  if (!isObject(values) || values instanceof Tensor)
    throw refuse('', quote(values), 'Write { model, optimizer, scheduler, epoch }.');
  const value = encode(values, '', 0);
  return { tensors, json: JSON.stringify({ version: VERSION, value }) };
}

/** Puts together what `takeApart` took apart. @throws FormatError for JSON that isn't of that form */
export function putTogether(
  json: string | undefined,
  tensors: StateDict,
  makeError: MakeError,
): Record<string, unknown> {
  if (json === undefined) {
    throw makeError(`__metadata__[${quote(CHECKPOINT)}]`, 'there', 'a file without it', {
      fix: 'This file was not made by saveCheckpoint: a state dict alone is read by load(path).',
    });
  }
  const bad = (expected: string, found: string) => makeError(CHECKPOINT, expected, found);
  const decode = (value: unknown, depth: number): unknown => {
    if (depth > MAX_DEPTH) throw bad(`at most ${MAX_DEPTH} levels`, 'more');
    if (Array.isArray(value)) return value.map((v) => decode(v, depth + 1));
    if (!isObject(value)) return value;
    if (Object.hasOwn(value, '$tensor')) {
      const { $tensor: name } = value;
      if (typeof name === 'string' && Object.hasOwn(tensors, name)) return tensors[name];
      throw bad('the names of tensors in the file', quote(name));
    }
    if (Object.hasOwn(value, '$number')) {
      const number = numbers.get(value.$number);
      if (number !== undefined) return number;
      throw bad(`one of ${[...numbers.keys()].join(', ')}`, quote(value.$number));
    }
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, decode(v, depth + 1)]));
  };

  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (cause) {
    throw makeError(CHECKPOINT, 'JSON', quote(json), { cause });
  }
  if (!isObject(parsed) || parsed.version !== VERSION || !isObject(parsed.value))
    throw bad(
      `an object of version ${VERSION}`,
      isObject(parsed) ? `version ${quote(parsed.version)}` : quote(parsed),
    );
  return decode(parsed.value, 0) as Record<string, unknown>;
}

const numbers: ReadonlyMap<unknown, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['-0', -0],
]);

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
