import { ArgumentError, type Backend, describe, FreedError, type StorageDType } from '@octet/backend';
import { type Scope, trackInScope } from './scope';
import { activeWatch } from './watch';

/** @throws ArgumentError unless `value` is a backend */
export function requireBackend(op: string, value: unknown): void {
  if (typeof (value as Backend | undefined)?.allocate === 'function') return;
  throw new ArgumentError({
    op,
    expected: 'a backend',
    found: describe(value),
    fix: 'A backend is an object, such as await createWasmBackend() gives.',
  });
}

/** A piece of a backend's memory; views share one. Freed when the last of them is garbage, or by `dispose`. */
export class Storage {
  /** Ticks at every allocation and every write. */
  private static clock = 0;
  /** When it was allocated. */
  readonly serial = Storage.clock++;
  /** How often kernels have written to it. */
  version = 0;
  /** Who wrote last: a kernel, or the method that called it. */
  writer = '';
  private written = this.serial;
  /** Whether someone asked to keep it: then only they free it, and garbage collection. */
  kept = false;
  /** The scope that frees it at its end, and where in it: the scope's own. */
  scope: Scope | undefined = undefined;
  placeInScope = 0;
  /** How many recorded ops have saved it for their gradients. */
  private holds = 0;
  /** Whether it is to be freed when the last of them lets go. */
  private pending = false;
  private handle: unknown;
  /** Whether it is allocated when someone asks for its buffer. */
  private deferred = false;

  private constructor(
    readonly backend: Backend,
    readonly dtype: StorageDType,
    readonly length: number,
  ) {
    requireBackend('tensor', backend);
    if (activeWatch()?.defers) this.deferred = true;
    else this.handle = backend.allocate(dtype, length);
    trackInScope(this);
  }

  /** Storages made from now on have this serial or a higher one; what is written from now on is written then or later. */
  static get now(): number {
    return Storage.clock;
  }

  static allocate(backend: Backend, dtype: StorageDType, length: number): Storage {
    return new Storage(backend, dtype, length);
  }

  /** Notes that a kernel writes to it. */
  noteWrite(kernel: string): void {
    this.version++;
    this.writer = kernel;
    this.written = Storage.clock++;
  }

  /** Whether it was there before `from` and has last been written since, before `to`. */
  changedBetween(from: number, to: number): boolean {
    return this.serial < from && this.written >= from && this.written < to;
  }

  /** @throws FreedError after `free`. */
  get buffer(): unknown {
    if (this.deferred) {
      this.handle = this.backend.allocate(this.dtype, this.length);
      this.deferred = false;
    }
    if (this.handle === undefined) {
      throw new FreedError({
        op: 'tensor',
        expected: 'a tensor whose memory is alive',
        found: 'one that dispose() or the end of a scope has freed',
        fix: 'Dispose later, or return the tensor from the scope; views share the memory of their source.',
      });
    }
    return this.handle;
  }

  get freed(): boolean {
    return this.handle === undefined && !this.deferred;
  }

  /** Whether it has memory: `buffer` makes some where it hasn't. */
  get allocated(): boolean {
    return this.handle !== undefined;
  }

  /** Gives the memory back now; a second call does nothing. While a watch is active (see watch.ts) it gets the storage instead. */
  free(): void {
    if (this.freed) return;
    const watch = activeWatch();
    if (watch) {
      watch.held(this);
      return;
    }
    if (this.deferred) {
      this.deferred = false;
      return;
    }
    this.backend.free(this.handle);
    this.handle = undefined;
  }

  /** Frees it when no recorded op holds it any more: now, or at the last `letGo`. One that is kept stays. */
  release(): void {
    if (this.kept) return;
    if (this.holds > 0) this.pending = true;
    else this.free();
  }

  /** A recorded op has saved it: `release` waits for its `letGo`. */
  hold(): void {
    this.holds += 1;
  }

  letGo(): void {
    this.holds -= 1;
    if (this.holds === 0 && this.pending) this.release();
  }
}
