import {
  ArgumentError,
  BackendError,
  bytesPerElement,
  foreignBufferError,
  freedBufferError,
  requireArrayOf,
  requireElements,
  requireStorageDType,
  type StorageDType,
  type TypedArray,
} from '@octet/backend';
import { Block } from './heap';
import { type LinearMemory, viewOf } from './memory';

/** The dtypes that the kernels know. */
export const dtypes: readonly StorageDType[] = ['float32', 'int32', 'uint8', 'int8', 'bool'];

const maxElements = 2 ** 32 - 1;

/** Contents that so many kernel calls did not use move out before the memory grows. A training step of the tutorial network is about 100. */
const idleCalls = 1024;

/**
 * A buffer's contents: in a block of wasm memory, or moved out to an ordinary array.
 *
 * Who holds what decides what the garbage collector can take while a synchronous loop runs, when no finalizer gets its
 * turn. A buffer holds its Contents, and they their Place. The pool holds the Contents only while they are in wasm
 * memory, through the Place; and so does the FinalizationRegistry, which keeps the Place alive until the finalizer has
 * run. Once moved out, Contents are held by their buffer alone, and go with it. (A WeakRef wouldn't do: to make one keeps
 * its target alive until the loop ends.)
 */
class Allocation {
  host: Uint8Array | undefined;
  constructor(readonly place: Residency) {}
}

/** Where in wasm memory contents are, in a list ordered by last use. Without block or contents while they are out. */
class Residency {
  block: Block | undefined;
  contents: Allocation | undefined;
  older: Residency | undefined;
  newer: Residency | undefined;
  /** The kernel call that used it last. */
  lastUse = 0;
  /** How many programs hold its address: then it is in no list, and stays. */
  pins = 0;
  constructor(readonly bytes: number) {}
}

/** Memory of the wasm backend. Its contents may move out of wasm memory when that is full, and come back when used. */
export class WasmBuffer {
  /** @internal */
  contents: Allocation | undefined;

  /** @internal Made by `backend.allocate`. */
  constructor(
    readonly pool: object,
    readonly dtype: StorageDType,
    readonly length: number,
    contents: Allocation,
  ) {
    this.contents = contents;
  }
}

export interface PoolStatistics {
  /** Buffers alive, and their bytes, wherever they are. */
  buffers: number;
  bytes: number;
  /** How often contents left wasm memory, and came back. */
  movedOut: number;
  movedIn: number;
}

/** All buffers of a backend, and the scratch memory of its kernels. */
export class BufferPool {
  #memory: LinearMemory | undefined;
  readonly #budget: number;
  #oldest: Residency | undefined;
  #newest: Residency | undefined;
  /** The kernel call that runs, or ran last. */
  #use = 0;
  #running = false;
  /** The memory as bytes, as long as it was at the time. */
  #bytes: Uint8Array | undefined;
  readonly #scratch: Block[] = [];
  readonly #statistics: PoolStatistics = { buffers: 0, bytes: 0, movedOut: 0, movedIn: 0 };
  // It holds Places, so that it keeps no buffer alive.
  readonly #collected = new FinalizationRegistry<Residency>((place) => this.#release(place));

  /** @param budget bytes of wasm memory past which buffers move out */
  constructor(memory: LinearMemory, budget: number) {
    this.#memory = memory;
    this.#budget = budget;
  }

  get statistics(): Readonly<PoolStatistics> {
    return this.#statistics;
  }

  /** The memory itself. @throws BackendError after `dispose`. */
  get memory(): LinearMemory {
    if (this.#memory) return this.#memory;
    throw new BackendError({
      op: 'wasm-simd',
      expected: 'a backend that is alive',
      found: 'one that was disposed',
      fix: 'Dispose a backend after the last use of its tensors, or make a new one.',
    });
  }

  get disposed(): boolean {
    return this.#memory === undefined;
  }

  allocate(dtype: StorageDType, length: number): WasmBuffer {
    requireStorageDType(dtype, dtypes);
    if (!Number.isInteger(length) || length < 0 || length > maxElements) {
      throw new ArgumentError({
        op: 'allocate',
        expected: `a whole number of elements from 0 to ${maxElements}`,
        found: `${length}`,
        fix: 'Check the shape that this length was computed from.',
      });
    }
    const place = new Residency(length * bytesPerElement(dtype));
    const contents = new Allocation(place);
    this.#place(place, contents, dtype);
    const buffer = new WasmBuffer(this, dtype, length, contents);
    this.#collected.register(buffer, place, buffer);
    this.#statistics.buffers += 1;
    this.#statistics.bytes += place.bytes;
    return buffer;
  }

  /** Gives the memory back. @throws FreedError the second time. */
  free(buffer: WasmBuffer): void {
    const { place } = this.#contents('free', buffer);
    buffer.contents = undefined;
    this.#collected.unregister(buffer);
    this.#release(place);
  }

  write(buffer: WasmBuffer, data: TypedArray): void {
    const to = this.#elements('write', buffer, data.length);
    requireArrayOf(buffer, data);
    to.set(data);
  }

  /** A copy, in memory that isn't shared. */
  read(buffer: WasmBuffer, length: number): TypedArray {
    return this.#elements('read', buffer, length).slice();
  }

  /** Begins a kernel call: whatever it uses or allocates stays in wasm memory until `end`. */
  begin(): void {
    this.memory;
    this.#use += 1;
    this.#running = true;
  }

  /** Ends a kernel call, and gives its scratch memory back. */
  end(): void {
    this.#running = false;
    for (const block of this.#scratch) this.#memory?.free(block);
    this.#scratch.length = 0;
  }

  /** Where the buffer's contents are, until the kernel call ends. Moves them in if they are out. */
  address(buffer: WasmBuffer): number {
    const contents = this.#contents('kernel', buffer);
    const { place } = contents;
    const { host } = contents;
    if (host) {
      const block = this.#place(place, contents, buffer.dtype);
      this.memory.bytes(block.start, host.length).set(host);
      contents.host = undefined;
      this.#statistics.movedIn += 1;
    } else if (place.pins === 0 && place.lastUse !== this.#use) {
      this.#unlink(place);
      this.#link(place);
    }
    return (place.block as Block).start;
  }

  /** Room for `bytes` until the kernel call ends; contents unspecified. */
  scratch(bytes: number): number {
    const block = this.#take(bytes, 'scratch memory of a kernel');
    this.#scratch.push(block);
    return block.start;
  }

  /** Keeps the buffer's contents where they are until the returned function is called, once. */
  pin(buffer: WasmBuffer): () => void {
    this.address(buffer);
    const { place } = this.#contents('kernel', buffer);
    if (place.pins++ === 0) this.#unlink(place);
    // The place alone: a pin keeps no buffer alive.
    return () => {
      if (--place.pins === 0 && place.block) this.#link(place);
    };
  }

  /** `bytes` bytes for a program, which never move. They count as one buffer. */
  reserve(bytes: number): { start: number; free(): void } {
    const block = this.#take(bytes, 'the memory of a plan');
    this.#statistics.buffers += 1;
    this.#statistics.bytes += block.size;
    const free = () => {
      if (!this.#memory) return;
      this.#statistics.buffers -= 1;
      this.#statistics.bytes -= block.size;
      this.#memory.free(block);
    };
    return { start: block.start, free };
  }

  /** Copies bytes from address to address. */
  copy(from: number, to: number, bytes: number): void {
    this.#all().copyWithin(to, from, from + bytes);
  }

  /** Writes an array's bytes at an address. */
  put(data: TypedArray, to: number): void {
    this.#all().set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), to);
  }

  /** The whole memory. */
  #all(): Uint8Array {
    const { memory } = this;
    if (!this.#bytes || this.#bytes.length !== memory.size) this.#bytes = memory.bytes(0, memory.size);
    return this.#bytes;
  }

  /** A buffer over reserved memory. It is never freed by itself. */
  bufferAt(dtype: StorageDType, length: number, start: number): WasmBuffer {
    const place = new Residency(length * bytesPerElement(dtype));
    place.block = new Block(start, place.bytes);
    place.pins = 1;
    return new WasmBuffer(this, dtype, length, new Allocation(place));
  }

  dispose(): void {
    this.#memory = undefined;
    this.#oldest = undefined;
    this.#newest = undefined;
    Object.assign(this.#statistics, { buffers: 0, bytes: 0 });
  }

  /** The contents of a buffer that is alive and of this pool. */
  #contents(op: string, buffer: WasmBuffer): Allocation {
    if (buffer.pool !== this) throw foreignBufferError(op, 'wasm', buffer instanceof WasmBuffer);
    if (!buffer.contents) throw freedBufferError(op, buffer);
    return buffer.contents;
  }

  /** The first `length` elements, wherever they are. */
  #elements(op: string, buffer: WasmBuffer, length: number): TypedArray {
    const { host, place } = this.#contents(op, buffer);
    requireElements(op, buffer, length);
    if (host) return viewOf(buffer.dtype, host.buffer, 0, length);
    return this.memory.view(buffer.dtype, (place.block as Block).start, length);
  }

  /** Gives a place a block. */
  #place(place: Residency, contents: Allocation, dtype: StorageDType): Block {
    const block = this.#take(place.bytes, `a buffer of ${dtype}`);
    block.owner = place;
    place.block = block;
    place.contents = contents;
    this.#link(place);
    return block;
  }

  /** Forgets a buffer, freed or collected. */
  #release(place: Residency): void {
    if (!this.#memory) return;
    this.#statistics.buffers -= 1;
    this.#statistics.bytes -= place.bytes;
    if (place.block) this.#leave(place, place.block);
  }

  /** Gives up a place's block. */
  #leave(place: Residency, block: Block): void {
    if (place.pins === 0) this.#unlink(place);
    place.block = undefined;
    place.contents = undefined;
    block.owner = undefined;
    this.#memory?.free(block);
  }

  /** A block for `what`, moving buffers out as the budget and the memory's maximum demand. */
  #take(bytes: number, what: string): Block {
    const { memory } = this;
    let failure: unknown;
    try {
      while (memory.used + bytes > this.#budget && this.#moveOutOldest());
      // What nothing has used for long makes room first: in a loop that doesn't wait it is mostly garbage, which nobody reports. Past the
      // budget all that can move does, before the memory grows.
      const block =
        memory.allocate(bytes) ??
        (this.#clear(bytes, this.#use - idleCalls) ||
        memory.grow(bytes, this.#budget) ||
        this.#clear(bytes, this.#use) ||
        memory.grow(bytes)
          ? memory.allocate(bytes)
          : undefined);
      if (block) return block;
    } catch (error) {
      failure = error;
    }
    throw new BackendError(
      {
        op: 'allocate',
        expected: `room for ${bytes} bytes, ${what}`,
        found: `${memory.used} bytes of wasm memory in use, ${memory.maximum} at most`,
        fix: 'Use smaller tensors or batches, let go of tensors that are no longer needed, or raise maximumMemory.',
      },
      { cause: failure },
    );
  }

  /** Moves the contents that were used longest ago out. @returns false if the running kernel uses all that is left. */
  #moveOutOldest(): boolean {
    const place = this.#oldest;
    if (!place || !this.#canMove(place)) return false;
    this.#moveOut(place);
    return true;
  }

  /** Whether contents may leave: they are in wasm memory, no program holds their address, and the running kernel doesn't use them. */
  #canMove(place: Residency): boolean {
    return (
      place.block !== undefined &&
      place.contents !== undefined &&
      place.pins === 0 &&
      !(this.#running && place.lastUse === this.#use)
    );
  }

  /**
   * Moves contents out that lie side by side, until `bytes` are free in one piece: around the ones that were used longest ago, on the
   * side where they are older.
   *
   * @param until contents that a later kernel call used stay
   * @returns false if what has to stay leaves no such piece
   */
  #clear(bytes: number, until: number): boolean {
    const mayMove = (place: Residency) => place.lastUse <= until && this.#canMove(place);
    const age = (block: Block | undefined) => {
      if (!block) return Number.POSITIVE_INFINITY;
      if (block.free) return -1;
      const { owner } = block;
      return owner instanceof Residency && mayMove(owner) ? owner.lastUse : Number.POSITIVE_INFINITY;
    };
    const tried = new Set<Block>();
    for (let place = this.#oldest; place && mayMove(place); place = place.newer) {
      const start = place.block as Block;
      if (tried.has(start)) continue;
      let [first, last] = [start, start];
      let size = start.size;
      while (size < bytes) {
        const [before, after] = [age(first.before), age(last.after)];
        if (before === Number.POSITIVE_INFINITY && after === Number.POSITIVE_INFINITY) break;
        if (before < after) first = first.before as Block;
        else last = last.after as Block;
        size += (before < after ? first : last).size;
      }
      const found: Block[] = [];
      for (let block: Block | undefined = first; block; block = block === last ? undefined : block.after)
        found.push(block);
      if (size < bytes) {
        for (const block of found) tried.add(block);
        continue;
      }
      for (const { owner } of found) if (owner instanceof Residency) this.#moveOut(owner);
      return true;
    }
    return false;
  }

  #moveOut(place: Residency): void {
    if (!place.block || !place.contents) return;
    place.contents.host = this.memory.bytes(place.block.start, place.bytes).slice();
    this.#leave(place, place.block);
    this.#statistics.movedOut += 1;
  }

  #link(place: Residency): void {
    place.lastUse = this.#use;
    place.older = this.#newest;
    place.newer = undefined;
    if (this.#newest) this.#newest.newer = place;
    else this.#oldest = place;
    this.#newest = place;
  }

  #unlink(place: Residency): void {
    const { older, newer } = place;
    if (older) older.newer = newer;
    else this.#oldest = newer;
    if (newer) newer.older = older;
    else this.#newest = older;
    place.older = undefined;
    place.newer = undefined;
  }
}
