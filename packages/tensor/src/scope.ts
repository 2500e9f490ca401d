import { ArgumentError, requireFunction } from '@octet/backend';
import type { Storage } from './storage';

const open: Set<Storage>[] = [];

export function noteInScope(storage: Storage): void {
  open.at(-1)?.add(storage);
}

/** Keeps a storage alive past the end of every open scope, and from being freed early. */
export function keepStorage(storage: Storage): void {
  storage.kept = true;
  for (const scope of open) scope.delete(storage);
}

interface HasStorage {
  readonly storage: Storage;
}

function isTensor(value: unknown): value is HasStorage {
  return typeof value === 'object' && value !== null && 'storage' in value && 'strides' in value;
}

/**
 * Runs `fn` and frees at once what it allocated, but for the tensors it returns (also inside arrays and plain objects)
 * and those handed to `keep`. Optional: memory is bounded without it.
 *
 * @throws ArgumentError if `fn` returns a promise: a scope is synchronous.
 */
export function scope<T>(fn: () => T): T {
  requireFunction('scope', fn);
  const mine = new Set<Storage>();
  open.push(mine);
  let result: T;
  try {
    result = fn();
    if (result instanceof Promise) {
      throw new ArgumentError({
        op: 'scope',
        expected: 'a synchronous function',
        found: 'a promise',
        fix: 'Await outside of the scope, or use dispose() on the tensors.',
      });
    }
    keepReturned(result, mine);
  } finally {
    open.splice(open.indexOf(mine), 1);
    for (const storage of mine) storage.free();
  }
  return result;
}

function keepReturned(value: unknown, mine: Set<Storage>, depth = 0): void {
  if (isTensor(value)) {
    // An inner scope's result belongs to the scope around it.
    if (mine.delete(value.storage)) open.at(-2)?.add(value.storage);
  } else if (depth < 8 && Array.isArray(value)) {
    for (const v of value) keepReturned(v, mine, depth + 1);
  } else if (
    depth < 8 &&
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype
  ) {
    for (const v of Object.values(value)) keepReturned(v, mine, depth + 1);
  }
}
