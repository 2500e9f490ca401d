/** Blocks begin and end at multiples of this many bytes. */
export const alignment = 64;

/** A piece of the address space. Blocks of one heap lie side by side without gaps, in use or free. */
export class Block {
  /** Neighbours in memory. */
  before: Block | undefined;
  after: Block | undefined;
  /** Neighbours in the list of free blocks of about this size. */
  previous: Block | undefined;
  next: Block | undefined;
  free = false;
  /** Whose contents are here, if they can leave. */
  owner: object | undefined;

  /** `start` and `size` are bytes. */
  constructor(
    readonly start: number,
    public size: number,
  ) {}
}

/**
 * The number of the list for blocks of `units` alignments: one for each size below 8, then eight per doubling. Every
 * block of a later list is larger than any of an earlier one.
 */
function binOf(units: number): number {
  if (units < 8) return units;
  const log = 31 - Math.clz32(units);
  return 8 * (log - 2) + ((units >> (log - 3)) & 7);
}

// 2^32 bytes are 2^26 units: the last list is 8 * 24 + 7.
const bins = 200;
/** How many blocks of a list are looked at for a near fit before a larger list is asked. */
const tries = 8;

/** Hands out pieces of an address space: free lists by size, neighbours joined as soon as both are free. */
export class Heap {
  readonly #bins: (Block | undefined)[] = new Array(bins).fill(undefined);
  /** One bit per list: whether it has blocks. */
  readonly #filled = new Int32Array(Math.ceil(bins / 32));
  #last: Block | undefined;
  #end: number;
  #used = 0;

  /** The heap of the bytes from `start` to `end`. */
  constructor(start: number, end: number) {
    this.#end = Math.ceil(start / alignment) * alignment;
    this.extend(end);
  }

  /** Bytes in blocks that are in use. */
  get used(): number {
    return this.#used;
  }

  /** Bytes free right before the end: what an extension would join. */
  get tail(): number {
    return this.#last?.free ? this.#last.size : 0;
  }

  /** Adds the bytes up to `end`. */
  extend(end: number): void {
    const start = this.#end;
    const size = Math.floor((end - start) / alignment) * alignment;
    if (size <= 0) return;
    this.#end = start + size;
    const block = new Block(start, size);
    block.before = this.#last;
    if (this.#last) this.#last.after = block;
    this.#last = block;
    this.#used += size;
    this.free(block);
  }

  /** A block of at least `bytes` (and at least one alignment), or nothing if no free block is large enough. */
  allocate(bytes: number): Block | undefined {
    const units = Math.max(1, Math.ceil(bytes / alignment));
    const block = this.#find(units);
    if (!block) return undefined;
    this.#unlist(block);
    const size = units * alignment;
    if (block.size > size) {
      const rest = new Block(block.start + size, block.size - size);
      rest.before = block;
      rest.after = block.after;
      if (rest.after) rest.after.before = rest;
      else this.#last = rest;
      block.after = rest;
      block.size = size;
      this.#list(rest);
    }
    this.#used += size;
    return block;
  }

  /** Takes a block back. It must be of this heap and in use. */
  free(block: Block): void {
    this.#used -= block.size;
    let joined = block;
    const { before, after } = block;
    if (before?.free) {
      this.#unlist(before);
      this.#absorb(before, block);
      joined = before;
    }
    if (after?.free) {
      this.#unlist(after);
      this.#absorb(joined, after);
    }
    this.#list(joined);
  }

  /** All blocks from the lowest address, for tests. */
  *blocks(): Generator<Block> {
    const found: Block[] = [];
    for (let block = this.#last; block; block = block.before) found.push(block);
    yield* found.reverse();
  }

  /** Makes `block` reach over its neighbour `after`, which is no block of its own from then on. */
  #absorb(block: Block, after: Block): void {
    block.size += after.size;
    block.after = after.after;
    if (block.after) block.after.before = block;
    else this.#last = block;
  }

  #find(units: number): Block | undefined {
    const bin = binOf(units);
    const size = units * alignment;
    let best: Block | undefined;
    let looked = 0;
    for (let block = this.#bins[bin]; block && looked < tries; block = block.next, looked++) {
      if (block.size === size) return block;
      if (block.size > size && (!best || block.size < best.size)) best = block;
    }
    return best ?? this.#firstAfter(bin) ?? this.#search(bin, size);
  }

  /** A block of the first list after `bin` that has one: all of them are large enough. */
  #firstAfter(bin: number): Block | undefined {
    let word = (bin + 1) >> 5;
    let bits = this.#filled[word] & (-1 << ((bin + 1) & 31));
    while (bits === 0) {
      if (++word >= this.#filled.length) return undefined;
      bits = this.#filled[word];
    }
    return this.#bins[word * 32 + 31 - Math.clz32(bits & -bits)];
  }

  /** The rest of the list that may hold blocks both too small and large enough: before giving up. */
  #search(bin: number, size: number): Block | undefined {
    for (let block = this.#bins[bin]; block; block = block.next) if (block.size >= size) return block;
    return undefined;
  }

  #list(block: Block): void {
    const bin = binOf(block.size / alignment);
    const head = this.#bins[bin];
    block.free = true;
    block.previous = undefined;
    block.next = head;
    if (head) head.previous = block;
    this.#bins[bin] = block;
    this.#filled[bin >> 5] |= 1 << (bin & 31);
  }

  #unlist(block: Block): void {
    const { previous, next } = block;
    if (next) next.previous = previous;
    if (previous) previous.next = next;
    else {
      const bin = binOf(block.size / alignment);
      this.#bins[bin] = next;
      if (!next) this.#filled[bin >> 5] &= ~(1 << (bin & 31));
    }
    block.free = false;
    block.previous = undefined;
    block.next = undefined;
  }
}
