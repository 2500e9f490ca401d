import type { TypedArray } from '@octet/backend';
import { contentKey } from './cache';
import type { Pipeline } from './pipelines';
import type { Allocation } from './pool';

/** Memory of captured dispatches, for which an allocation is chosen later. */
export class Reservation {
  /** The commands between which its contents matter, both included: numbers in `Capture.commands`. */
  first: number;
  last = Number.POSITIVE_INFINITY;
  /** Undefined until it is chosen. */
  allocation: Allocation | undefined;

  constructor(
    readonly bytes: number,
    first: number,
  ) {
    this.first = first;
  }
}

/** One dispatch of a program. */
export interface Dispatch {
  readonly pipeline: Pipeline;
  /** In the order of the bindings. */
  readonly memory: readonly (Allocation | Reservation)[];
  readonly uniforms: Readonly<Record<string, number>>;
  readonly groups: readonly [x: number, y: number, z: number];
}

/** Dispatches written down instead of submitted, and the memory that they need. */
export class Capture<Call = never> {
  readonly commands: (Dispatch | Call)[] = [];
  /** Memory that kernels took and gave back. */
  readonly reservations: Reservation[] = [];
  readonly #constants = new Map<string, { reservation: Reservation; bytes: Uint8Array }>();

  reserve(bytes: number): Reservation {
    const reservation = new Reservation(bytes, this.commands.length);
    this.reservations.push(reservation);
    return reservation;
  }

  /** Ends the use of memory with the latest command. */
  release(reservation: Reservation): void {
    reservation.last = Math.max(reservation.first, this.commands.length - 1);
  }

  /** Memory with the elements of an attribute's array; the same contents are there once. */
  constant(data: TypedArray): Reservation {
    const key = contentKey(data);
    let constant = this.#constants.get(key);
    if (!constant) {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
      constant = { reservation: new Reservation(bytes.length, 0), bytes };
      this.#constants.set(key, constant);
    }
    return constant.reservation;
  }

  /** What `constant` was called with. */
  get constants(): Iterable<{ readonly reservation: Reservation; readonly bytes: Uint8Array }> {
    return this.#constants.values();
  }
}
