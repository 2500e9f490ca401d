import {
  ArgumentError,
  BackendError,
  bytesPerElement,
  freedBufferError,
  hostArray,
  type StorageDType,
  type TypedArray,
} from '@octet/backend';

const maxElements = 2 ** 32 - 1;

const alive = { buffers: 0, bytes: 0 };

function forget(bytes: number): void {
  alive.buffers -= 1;
  alive.bytes -= bytes;
}

// Counts out the buffers that nobody freed. It holds a number, so that it keeps no buffer alive.
const collected = new FinalizationRegistry<number>(forget);

/** Buffers neither freed nor collected, and their bytes. */
export function aliveBuffers(): { buffers: number; bytes: number } {
  return { ...alive };
}

/** Memory of the reference backend: one typed array. The garbage collector reclaims it; `free` only does so earlier. */
export class HostBuffer {
  readonly dtype: StorageDType;
  readonly length: number;
  private elements: TypedArray | undefined;

  /**
   * Zeroed room for `length` elements of `dtype`.
   *
   * @param make how to get the memory; tests have another
   * @throws ArgumentError if `length` isn't a whole number from 0 to 2^32 - 1.
   * @throws BackendError if the engine can't allocate that much.
   */
  constructor(dtype: StorageDType, length: number, make: typeof hostArray = hostArray) {
    if (!Number.isInteger(length) || length < 0 || length > maxElements) {
      throw new ArgumentError({
        op: 'allocate',
        expected: `a whole number of elements from 0 to ${maxElements}`,
        found: `${length}`,
        fix: 'Check the shape that this length was computed from.',
      });
    }
    const bytes = length * bytesPerElement(dtype);
    try {
      this.elements = make(dtype, length);
    } catch (cause) {
      throw new BackendError(
        {
          op: 'allocate',
          expected: `room for ${length} elements of ${dtype} (${bytes} bytes)`,
          found: `${alive.buffers} buffers of ${alive.bytes} bytes in use, and the engine refuses more`,
          fix: 'Use smaller tensors or batches, or let go of tensors that are no longer needed.',
        },
        { cause },
      );
    }
    this.dtype = dtype;
    this.length = length;
    alive.buffers += 1;
    alive.bytes += bytes;
    collected.register(this, bytes, this);
  }

  /**
   * The elements themselves, not a copy.
   *
   * @throws FreedError after `free`.
   */
  get data(): TypedArray {
    return this.alive('read or write');
  }

  /** Lets go of the memory. @throws FreedError the second time. */
  free(): void {
    const bytes = this.alive('free').byteLength;
    this.elements = undefined;
    collected.unregister(this);
    forget(bytes);
  }

  private alive(op: string): TypedArray {
    if (this.elements) return this.elements;
    throw freedBufferError(op, this);
  }
}
