import type { TypedArray } from '@octet/backend';

/** A map that forgets its least recently used entry when it holds more than `maxSize`. */
export class LruCache<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #maxSize: number;
  readonly #forgotten: ((value: V) => void) | undefined;

  /** @param forgotten told of every value that makes room for another */
  constructor(maxSize: number, forgotten?: (value: V) => void) {
    this.#maxSize = maxSize;
    this.#forgotten = forgotten;
  }

  get size(): number {
    return this.#entries.size;
  }

  values(): IterableIterator<V> {
    return this.#entries.values();
  }

  /** The key's value, made by `make` if there is none. */
  get(key: K, make: () => V): V {
    const entries = this.#entries;
    const found = entries.get(key);
    const value = found ?? make();
    // A map iterates in order of insertion: the oldest use comes first.
    if (found !== undefined) entries.delete(key);
    entries.set(key, value);
    for (const [oldest, old] of entries) {
      if (entries.size <= this.#maxSize) break;
      entries.delete(oldest);
      this.#forgotten?.(old);
    }
    return value;
  }

  clear(): void {
    this.#entries.clear();
  }
}

/** The bytes of an array as the characters of a string. */
export function contentKey(data: TypedArray): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let key = '';
  for (let i = 0; i < bytes.length; i += 4096) key += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return key;
}
