import type { StorageDType } from '@octet/backend';

/** The dtypes that the kernels know. */
export const dtypes: readonly StorageDType[] = ['float32', 'int32', 'uint8', 'int8', 'bool'];

/**
 * Memory of the GPU. Always whole words of 4 bytes, and more of them than the elements need: what lies behind the last
 * element is nobody's.
 */
export class GpuBuffer {
  /** @internal undefined after `free` */
  block: object | undefined;

  /** @internal Made by `backend.allocate`. */
  constructor(
    readonly owner: object,
    readonly dtype: StorageDType,
    readonly length: number,
    block: object,
  ) {
    this.block = block;
  }
}

/** A WebGPU buffer of the pool. It doesn't know its GpuBuffer, so that holding it keeps none alive. */
export class Block {
  /** The number of the last batch of commands that uses it. */
  lastUse = -1;
  /** The device had no memory for it. */
  broken = false;

  constructor(
    readonly id: number,
    readonly gpu: GPUBuffer,
    readonly bytes: number,
  ) {}
}

/** Bytes rounded up so that blocks fit many sizes: four sizes between powers of two, at most a quarter too large. */
export function blockBytes(bytes: number): number {
  if (bytes <= 256) return 256;
  const step = 2 ** (29 - Math.clz32(bytes - 1));
  return Math.ceil(bytes / step) * step;
}

/** WebGPU buffers of one usage. Making one is slow: those given back are kept for the next of their size. */
export class BlockPool {
  /** All that exist. */
  readonly #blocks = new Set<Block>();
  /** Those given back, the longest ago first; and the same by size. */
  readonly #idle = new Set<Block>();
  readonly #idleBySize = new Map<number, Block[]>();
  readonly #create: (bytes: number, failed: () => void) => GPUBuffer;
  #made = 0;
  #bytes = 0;
  #idleBytes = 0;

  /** @param create makes a WebGPU buffer, and calls `failed` when it turns out that there was no memory for it */
  constructor(create: (bytes: number, failed: () => void) => GPUBuffer) {
    this.#create = create;
  }

  /** What exists, idle or not. */
  get statistics(): { blocks: number; bytes: number; idleBytes: number } {
    return { blocks: this.#blocks.size, bytes: this.#bytes, idleBytes: this.#idleBytes };
  }

  /** A block of at least `bytes` and at most `most`; contents unspecified. */
  take(bytes: number, most: number): Block {
    const size = Math.min(blockBytes(bytes), most);
    const idle = this.#idleBySize.get(size)?.pop();
    if (idle) {
      this.#idle.delete(idle);
      this.#idleBytes -= size;
      return idle;
    }
    const gpu = this.#create(size, () => {
      block.broken = true;
    });
    const block = new Block(this.#made++, gpu, size);
    this.#blocks.add(block);
    this.#bytes += size;
    return block;
  }

  /** Commands recorded so far may still use the block: whoever takes it next records after them. */
  give(block: Block): void {
    if (!this.#blocks.has(block)) return;
    if (block.broken) {
      this.#destroy(block);
      return;
    }
    this.#idle.add(block);
    const same = this.#idleBySize.get(block.bytes);
    if (same) same.push(block);
    else this.#idleBySize.set(block.bytes, [block]);
    this.#idleBytes += block.bytes;
  }

  /**
   * Destroys idle blocks, those given back longest ago first, until at most `most` bytes are idle. No recorded command
   * may wait to be submitted. @returns whether any was destroyed
   */
  trim(most: number): boolean {
    const before = this.#blocks.size;
    for (const block of this.#idle) {
      if (this.#idleBytes <= most) break;
      this.#idle.delete(block);
      // Of its size too it is the one that was given back first.
      this.#idleBySize.get(block.bytes)?.shift();
      this.#idleBytes -= block.bytes;
      this.#destroy(block);
    }
    return this.#blocks.size < before;
  }

  dispose(): void {
    for (const block of this.#blocks) this.#destroy(block);
    this.#idle.clear();
    this.#idleBySize.clear();
    this.#idleBytes = 0;
  }

  #destroy(block: Block): void {
    this.#blocks.delete(block);
    this.#bytes -= block.bytes;
    block.gpu.destroy();
  }
}
