import { type Backend, FreedError, type StorageDType } from '@octet/backend';
import { noteInScope } from './scope';

/** A piece of a backend's memory; views share one. Freed when the last of them is garbage, or by `dispose`. */
export class Storage {
  private static count = 0;
  /** Grows with every allocation. */
  readonly serial = Storage.count++;
  /** Whether someone asked to keep it: then only they free it, and garbage collection. */
  kept = false;
  private handle: unknown;

  private constructor(
    readonly backend: Backend,
    readonly dtype: StorageDType,
    readonly length: number,
  ) {
    this.handle = backend.allocate(dtype, length);
    noteInScope(this);
  }

  /** Storages made from now on have this serial or a higher one. */
  static get nextSerial(): number {
    return Storage.count;
  }

  static allocate(backend: Backend, dtype: StorageDType, length: number): Storage {
    return new Storage(backend, dtype, length);
  }

  /** @throws FreedError after `free`. */
  get buffer(): unknown {
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
    return this.handle === undefined;
  }

  /** Gives the memory back now; a second call does nothing. */
  free(): void {
    if (this.handle === undefined) return;
    this.backend.free(this.handle);
    this.handle = undefined;
  }

  /** As `free`, where the library thinks that nobody needs it any more. */
  release(): void {
    if (!this.kept) this.free();
  }
}
