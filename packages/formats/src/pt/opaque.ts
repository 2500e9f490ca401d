/**
 * A class or function that a pickle names and nothing here knows, or what a call of it would make: its name, and what it was
 * given. None of it is run.
 */
export class Opaque {
  /** What the object was told of its attributes. */
  state: unknown = undefined;
  /** What was appended to it; of a dict, pairs of key and value. */
  readonly items: unknown[] = [];

  constructor(
    readonly name: string,
    /** The byte of the pickle where it is named. */
    readonly byte: number,
    readonly args: readonly unknown[] = [],
  ) {}

  /** What a call of it would make. */
  made(args: readonly unknown[]): Opaque {
    return new Opaque(this.name, this.byte, args);
  }
}
