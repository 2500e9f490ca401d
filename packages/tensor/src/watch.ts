import type { TypedArray } from '@octet/backend';
import type { Storage } from './storage';
import type { Tensor } from './tensor';

/** What must hold of a tensor's elements, in row-major order. @throws what the op throws where it doesn't */
export type DataCheck = (elements: TypedArray) => void;

/** Sees what kernel calls don't show: memory given back, elements read to the host, random numbers. */
export interface Watch {
  /** `storage` would be freed now. It stays alive: the watcher frees it later, by `storage.free()`. */
  held(storage: Storage): void;
  /** The host reads elements of `storage`, for the method `op`: now, or (false) into a promise. */
  read(op: string, storage: Storage, now: boolean): void;
  /** `op` accepts `tensor` only with elements that pass `check`. They just did. */
  checked(op: string, tensor: Tensor, check: DataCheck): void;
  /** `op` makes random numbers. */
  random(op: string): void;
  /** Memory is allocated when someone first asks for its buffer. */
  readonly defers?: boolean;
  /** Whether `storage` has no elements to check, as the kernels that write them don't run. */
  lacks?(storage: Storage): boolean;
}

const watches: Watch[] = [];

/** Makes `watch` see it all until the returned function is called; watches that were there before see nothing meanwhile. */
export function addWatch(watch: Watch): () => void {
  watches.push(watch);
  return () => {
    const at = watches.lastIndexOf(watch);
    if (at >= 0) watches.splice(at, 1);
  };
}

/** The watch that sees what happens now. */
export function activeWatch(): Watch | undefined {
  return watches.length === 0 ? undefined : watches[watches.length - 1];
}

/** Runs `fn` unseen: for what reads or allocates on the watcher's own account. */
export function unwatched<T>(fn: () => T): T {
  const before = watches.splice(0);
  try {
    return fn();
  } finally {
    watches.push(...before);
  }
}
