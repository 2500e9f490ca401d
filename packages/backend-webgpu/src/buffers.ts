import {
  ArgumentError,
  BackendError,
  bytesPerElement,
  foreignBufferError,
  freedBufferError,
  type KernelTensor,
  requireElements,
  requireStorageDType,
  type StorageDType,
} from '@octet/backend';
import { type Capture, Reservation } from './capture';
import type { ErrorScopes } from './error-scopes';
import type { Allocation, BufferPool } from './pool';

/** The dtypes that the kernels know. */
export const dtypes: readonly StorageDType[] = ['float32', 'int32', 'uint8', 'int8', 'bool'];

/**
 * Memory of the GPU. Its size is a whole number of 4-byte words, and may be more than the elements need; bytes behind the
 * last element are unspecified.
 */
export class GpuBuffer {
  /** @internal undefined after `free` */
  allocation: object | undefined;

  /** @internal Made by `backend.allocate`. */
  constructor(
    readonly owner: object,
    readonly dtype: StorageDType,
    readonly length: number,
    allocation: object,
  ) {
    this.allocation = allocation;
  }
}

export type GpuTensor = KernelTensor<GpuBuffer>;

/** The buffers of one device: tensors', and those that kernels use while they run. */
export class Buffers {
  /** The largest buffer that the device can bind. */
  readonly maxBytes: number;
  readonly #limits: GPUSupportedLimits;
  readonly #pool: BufferPool;
  readonly #errors: ErrorScopes;
  #count = 0;
  #bytes = 0;
  // Holds allocations, which keep no GpuBuffer alive.
  readonly #collected = new FinalizationRegistry<[allocation: Allocation, bytes: number]>(
    ([allocation, bytes]) => this.#release(allocation, bytes),
  );
  /** Where memory is reserved instead of allocated. */
  capture: Capture<unknown> | undefined;
  /** Scratch buffers of the running kernel calls: one list for each call. */
  readonly #scratch: GpuBuffer[][] = [];

  constructor(limits: GPUSupportedLimits, pool: BufferPool, errors: ErrorScopes) {
    this.#limits = limits;
    this.#pool = pool;
    this.#errors = errors;
    const { maxBufferSize, maxStorageBufferBindingSize } = limits;
    // WGSL counts in 32 bits, whatever the device allows.
    this.maxBytes = Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize, 2 ** 32 - 1) / 4) * 4;
  }

  /** Buffers alive and the bytes of their elements. */
  get statistics(): { buffers: number; bytes: number } {
    return { buffers: this.#count, bytes: this.#bytes };
  }

  /**
   * A buffer that lives until it is freed or garbage collected.
   *
   * @throws DTypeError for a dtype that no kernel knows
   * @throws ArgumentError for a length that is not a whole number from 0
   * @throws BackendError for more bytes than the device can bind
   */
  allocate(dtype: StorageDType, length: number): GpuBuffer {
    this.#errors.check();
    requireStorageDType(dtype, dtypes);
    if (!Number.isInteger(length) || length < 0) {
      throw new ArgumentError({
        op: 'allocate',
        expected: 'a whole number of elements from 0',
        found: `${length}`,
        fix: 'Check the shape that this length was computed from.',
      });
    }
    const bytes = length * bytesPerElement(dtype);
    if (bytes > this.maxBytes) {
      const { maxBufferSize, maxStorageBufferBindingSize } = this.#limits;
      throw new BackendError({
        op: 'allocate',
        expected: `at most ${this.maxBytes} bytes a buffer (maxBufferSize ${maxBufferSize}, maxStorageBufferBindingSize ${maxStorageBufferBindingSize})`,
        found: `${bytes}, for ${length} elements of ${dtype}`,
        fix: 'Use smaller tensors or batches.',
      });
    }
    if (this.capture) return this.over(this.capture.reserve(bytes), dtype, length);
    const allocation = this.#pool.take(bytes, this.maxBytes);
    const buffer = new GpuBuffer(this, dtype, length, allocation);
    this.#collected.register(buffer, [allocation, bytes], buffer);
    this.#count += 1;
    this.#bytes += bytes;
    return buffer;
  }

  /** Gives the memory back. After a loss or `dispose` there is none to give. @throws FreedError the second time */
  free(buffer: GpuBuffer): void {
    const memory = this.memory('free', buffer);
    buffer.allocation = undefined;
    if (memory instanceof Reservation) {
      this.capture?.release(memory);
      return;
    }
    this.#collected.unregister(buffer);
    this.#release(memory, buffer.length * bytesPerElement(buffer.dtype));
  }

  /** A buffer that is freed when the running kernel call ends; contents unspecified. */
  scratch(bytes: number): GpuBuffer {
    const buffer = this.allocate('int32', Math.ceil(bytes / 4));
    this.#scratch.at(-1)?.push(buffer);
    return buffer;
  }

  /** Calls `run`, then frees what it took with `scratch`. */
  scoped<R>(run: () => R): R {
    this.#errors.check();
    this.#scratch.push([]);
    try {
      return run();
    } finally {
      for (const buffer of this.#scratch.pop() ?? []) this.free(buffer);
    }
  }

  /** A buffer over memory that something else owns. It is neither counted nor freed. */
  over(memory: Allocation | Reservation, dtype: StorageDType, length: number): GpuBuffer {
    return new GpuBuffer(this, dtype, length, memory);
  }

  /** What `buffer` occupies. @throws BackendError for a buffer of another device, FreedError for one that was freed */
  allocation(op: string, buffer: GpuBuffer | undefined): Allocation {
    return this.memory(op, buffer) as Allocation;
  }

  /** As `allocation`, for buffers of a capture too. */
  memory(op: string, buffer: GpuBuffer | undefined): Allocation | Reservation {
    if (buffer?.owner !== this) throw foreignBufferError(op, 'webgpu', buffer instanceof GpuBuffer);
    if (!buffer.allocation) throw freedBufferError(op, buffer);
    return buffer.allocation as Allocation | Reservation;
  }

  /** As `allocation`. @throws ArgumentError also if the buffer has fewer than `length` elements */
  elements(op: string, buffer: GpuBuffer, length: number): Allocation {
    const allocation = this.allocation(op, buffer);
    requireElements(op, buffer, length);
    return allocation;
  }

  /** Forgets all buffers: their memory went with the device. */
  dispose(): void {
    this.#count = 0;
    this.#bytes = 0;
  }

  #release(allocation: Allocation, bytes: number): void {
    if (this.#errors.ended) return;
    this.#count -= 1;
    this.#bytes -= bytes;
    this.#pool.give(allocation);
  }
}
