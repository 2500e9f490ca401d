/** A WebGPU buffer of a pool. It has no reference to its GpuBuffer: whoever holds an allocation keeps no tensor alive. */
export class Allocation {
  /** Number of the last batch of commands that uses it. */
  lastUse = -1;
  /** Whether the device had no memory for it. */
  broken = false;

  constructor(
    readonly id: number,
    readonly gpu: GPUBuffer,
    readonly bytes: number,
  ) {}
}

/** A size for the pool: `bytes` rounded up, by at most a quarter, to one of four sizes between powers of two. */
export function pooledBytes(bytes: number): number {
  if (bytes <= 256) return 256;
  const step = 2 ** (29 - Math.clz32(bytes - 1));
  return Math.ceil(bytes / step) * step;
}

/** WebGPU buffers of one usage. Creating one is slow, so those given back are kept for the next request of their size. */
export class BufferPool {
  /** All that exist. */
  readonly #allocations = new Set<Allocation>();
  /** Idle ones, the one given back longest ago first; and the same by size. */
  readonly #idle = new Set<Allocation>();
  readonly #idleBySize = new Map<number, Allocation[]>();
  readonly #create: (bytes: number, failed: () => void) => GPUBuffer;
  #made = 0;
  #bytes = 0;
  #idleBytes = 0;

  /** @param create makes a WebGPU buffer, and calls `failed` later if there was no memory for it */
  constructor(create: (bytes: number, failed: () => void) => GPUBuffer) {
    this.#create = create;
  }

  /** Counts of all that exist, idle or not. */
  get statistics(): { buffers: number; bytes: number; idleBytes: number } {
    return { buffers: this.#allocations.size, bytes: this.#bytes, idleBytes: this.#idleBytes };
  }

  /** An allocation of at least `bytes` and at most `maxBytes`; contents unspecified. */
  take(bytes: number, maxBytes: number): Allocation {
    const size = Math.min(pooledBytes(bytes), maxBytes);
    const idle = this.#idleBySize.get(size)?.pop();
    if (idle) {
      this.#idle.delete(idle);
      this.#idleBytes -= size;
      return idle;
    }
    const gpu = this.#create(size, () => {
      allocation.broken = true;
    });
    const allocation = new Allocation(this.#made++, gpu, size);
    this.#allocations.add(allocation);
    this.#bytes += size;
    return allocation;
  }

  /** Takes an allocation back. Recorded commands may still use it: the next taker's commands come after them. */
  give(allocation: Allocation): void {
    if (!this.#allocations.has(allocation)) return;
    if (allocation.broken) {
      this.#destroy(allocation);
      return;
    }
    this.#idle.add(allocation);
    const same = this.#idleBySize.get(allocation.bytes);
    if (same) same.push(allocation);
    else this.#idleBySize.set(allocation.bytes, [allocation]);
    this.#idleBytes += allocation.bytes;
  }

  /**
   * Destroys idle allocations, the one given back longest ago first, until at most `maxIdleBytes` are idle. All recorded
   * commands must have been submitted. @returns whether any was destroyed
   */
  trim(maxIdleBytes: number): boolean {
    const before = this.#allocations.size;
    for (const allocation of this.#idle) {
      if (this.#idleBytes <= maxIdleBytes) break;
      this.#idle.delete(allocation);
      // The oldest of all is the oldest of its size.
      this.#idleBySize.get(allocation.bytes)?.shift();
      this.#idleBytes -= allocation.bytes;
      this.#destroy(allocation);
    }
    return this.#allocations.size < before;
  }

  dispose(): void {
    for (const allocation of this.#allocations) this.#destroy(allocation);
    this.#idle.clear();
    this.#idleBySize.clear();
    this.#idleBytes = 0;
  }

  #destroy(allocation: Allocation): void {
    this.#allocations.delete(allocation);
    this.#bytes -= allocation.bytes;
    allocation.gpu.destroy();
  }
}
