import type { StorageDType, TypedArray } from '@octet/backend';
import { type Block, Heap } from './heap';
import type { WasmMemory } from './platform';

export const pageBytes = 65536;
/** Kernels may read (never write) this far past the end of any buffer. */
const slack = 64;

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  bool: Uint8Array,
} as const;

/** `length` elements at byte `start` of some memory. */
export function viewOf(
  dtype: StorageDType,
  memory: ArrayBufferLike,
  start: number,
  length: number,
): TypedArray {
  return new arrays[dtype](memory as ArrayBuffer, start, length);
}

/** The wasm memory and the heap in it, growing up to a maximum. */
export class LinearMemory {
  readonly #memory: WasmMemory;
  readonly #heap: Heap;

  /** @param base where the heap begins, @param maximum how far the memory may grow, both in bytes */
  constructor(
    memory: WasmMemory,
    base: number,
    readonly maximum: number,
  ) {
    this.#memory = memory;
    this.#heap = new Heap(base, this.size - slack);
  }

  /** The memory itself, as long as it is now. */
  get buffer(): ArrayBufferLike {
    return this.#memory.buffer;
  }

  /** Bytes that the memory has now. */
  get size(): number {
    return this.#memory.buffer.byteLength;
  }

  /** Bytes in blocks that are in use. */
  get used(): number {
    return this.#heap.used;
  }

  /** A block of at least `bytes` of the memory as long as it is, or nothing. */
  allocate(bytes: number): Block | undefined {
    return this.#heap.allocate(bytes);
  }

  free(block: Block): void {
    this.#heap.free(block);
  }

  /** The elements at an address: valid until the next allocation, for growing may move the memory. */
  view(dtype: StorageDType, start: number, length: number): TypedArray {
    return viewOf(dtype, this.#memory.buffer, start, length);
  }

  bytes(start: number, length: number): Uint8Array {
    return this.view('uint8', start, length) as Uint8Array;
  }

  /**
   * Grows until a block of `bytes` fits: by at least a quarter, if that is not past `limit`. Memory that nobody has touched costs
   * nothing, but a free piece that was touched is better used first, and small steps leave few others.
   *
   * @returns false if it can't, or would have to go past the limit
   */
  grow(bytes: number, limit = this.maximum): boolean {
    const { size } = this;
    const most = Math.min(limit, this.maximum);
    const needed = Math.ceil((bytes - this.#heap.tail) / pageBytes);
    const allowed = Math.floor((most - size) / pageBytes);
    for (const pages of [Math.min(Math.max(needed, Math.ceil(size / pageBytes / 4)), allowed), needed]) {
      if (pages < needed || pages > allowed) continue;
      try {
        this.#memory.grow(pages);
        this.#heap.extend(this.size - slack);
        return true;
      } catch {
        // The engine has less to give than was allowed: try with as little as possible.
      }
    }
    return false;
  }
}
