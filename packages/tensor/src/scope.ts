import { ArgumentError, requireType } from '@octet/backend';
import type { Storage } from './storage';

/** What was allocated since a scope began. A storage is in one scope at most, and knows its place there: no set, which costs more than many an op. */
class Scope {
  private readonly storages: Storage[] = [];

  /** `explicit`: asked for by the user. The library's own scopes spare what code outside of the library has seen. */
  constructor(readonly explicit: boolean) {}

  get isEmpty(): boolean {
    return this.storages.length === 0;
  }

  add(storage: Storage): void {
    storage.scope = this;
    storage.placeInScope = this.storages.push(storage) - 1;
  }

  /** Whether it was there. */
  delete(storage: Storage): boolean {
    if (storage.scope !== this) return false;
    const last = this.storages.pop() as Storage;
    if (last !== storage) {
      this.storages[storage.placeInScope] = last;
      last.placeInScope = storage.placeInScope;
    }
    storage.scope = undefined;
    return true;
  }

  /** Frees all that is left. */
  end(): void {
    for (const storage of this.storages) {
      storage.scope = undefined;
      storage.release();
    }
  }
}

export type { Scope };

/** Innermost last; undefined: code outside of the library runs, in nobody's scope. */
const open: (Scope | undefined)[] = [];

export function trackInScope(storage: Storage): void {
  open[open.length - 1]?.add(storage);
}

/** Keeps a storage alive past the end of every open scope, and from being freed early. */
export function keepStorage(storage: Storage): void {
  storage.kept = true;
  for (const scope of open) scope?.delete(storage);
}

interface HasStorage {
  readonly storage: Storage;
}

function isTensor(value: unknown): value is HasStorage {
  return typeof value === 'object' && value !== null && 'storage' in value && 'strides' in value;
}

/** Calls `fn` for the storage of each tensor in `value`, also inside arrays and plain objects. */
function forEachStorage(value: unknown, fn: (storage: Storage) => void, depth = 0): void {
  if (isTensor(value)) fn(value.storage);
  else if (depth < 8 && Array.isArray(value)) for (const v of value) forEachStorage(v, fn, depth + 1);
  else if (
    depth < 8 &&
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype
  ) {
    for (const v of Object.values(value)) forEachStorage(v, fn, depth + 1);
  }
}

function run<T>(scope: Scope, fn: () => T): T {
  open.push(scope);
  try {
    const result = fn();
    if (result instanceof Promise) {
      throw new ArgumentError({
        op: 'scope',
        expected: 'a synchronous function',
        found: 'a promise',
        fix: 'Await outside of the scope, or use dispose() on the tensors.',
      });
    }
    // A scope's result belongs to the scope around it.
    if (!scope.isEmpty) {
      const around = open[open.length - 2];
      forEachStorage(result, (storage) => {
        if (scope.delete(storage)) around?.add(storage);
      });
    }
    return result;
  } finally {
    open.pop();
    scope.end();
  }
}

/**
 * Runs `fn` and frees at once what it allocated, but for the tensors it returns (also inside arrays and plain objects),
 * those handed to `keep`, and what a gradient still needs, which goes after the backward pass. Optional: memory is bounded
 * without it.
 *
 * @throws ArgumentError if `fn` returns a promise: a scope is synchronous.
 */
export function scope<T>(fn: () => T): T {
  requireType('scope', 'fn', fn, 'function');
  return run(new Scope(true), fn);
}

/** Frees a tensor that the scope allocated, before its end. What it didn't allocate, or code outside has seen, stays. */
export type ReleaseEarly = (x: HasStorage) => void;

/**
 * A `scope` for functions and modules of the library: as that, but what was handed to code outside of the library, and what
 * such code allocated, is spared (see `outside`).
 */
export function tidy<T>(fn: (release: ReleaseEarly) => T): T {
  const scope = new Scope(false);
  const release: ReleaseEarly = ({ storage }) => {
    if (scope.delete(storage)) storage.release();
  };
  return run(scope, () => fn(release));
}

/** Runs code that isn't the library's, a user's module or hook, which may hold what it is given and what it allocates. */
export function outside<T>(args: readonly unknown[], fn: () => T): T {
  if (open.length === 0) return fn();
  const explicit = [...open].reverse().find((scope) => scope?.explicit);
  expose(args, explicit);
  open.push(explicit);
  try {
    return fn();
  } finally {
    open.pop();
  }
}

/** Takes tensors out of the library's own scopes. */
function expose(args: readonly unknown[], explicit: Scope | undefined): void {
  forEachStorage(args, (storage) => {
    for (let i = open.length - 1; i >= 0; i--) {
      const scope = open[i];
      if (!scope || scope.explicit) return;
      if (scope.delete(storage)) explicit?.add(storage);
    }
  });
}
