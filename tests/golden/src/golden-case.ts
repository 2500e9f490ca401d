import type { Tensor } from '@octet/tensor';
import type { Outputs } from './compare';
import type { CaseEntry } from './data';
import { type Fixture, type HostTensor, toTensor } from './fixture';

/** What a handler gets to see: the inputs and what is asked for, never the expected values. */
export class GoldenCase<P = Readonly<Record<string, unknown>>> {
  readonly name: string;
  readonly op: string;
  /** The file to read, relative to the folder of the fixtures, in the group `pt`. */
  readonly pt: string | undefined;
  readonly params: P;
  /** The inputs, by their names without `in.`. */
  readonly in: Readonly<Record<string, HostTensor>>;
  /** The names of the expected tensors without `out.`. */
  readonly wanted: readonly string[];

  constructor({ name, op, pt }: CaseEntry, fixture: Fixture) {
    this.name = name;
    this.op = op;
    this.pt = pt;
    this.params = fixture.params as P;
    this.in = fixture.in;
    this.wanted = Object.keys(fixture.out);
  }

  has(name: string): boolean {
    return name in this.in;
  }

  /** An input as stored. @throws Error if there is none of that name. */
  host(name: string): HostTensor {
    const host = this.in[name];
    if (!host) throw new Error(`the fixture has no 'in.${name}'`);
    return host;
  }

  /** An input as a new tensor; I64 becomes int32. */
  tensor(name: string): Tensor {
    return toTensor(this.host(name));
  }

  /** An input if the fixture has it. */
  optional(name: string): Tensor | undefined {
    return this.has(name) ? this.tensor(name) : undefined;
  }

  /** All inputs whose names start with `prefix`, without it. */
  tensors(prefix: string): Record<string, Tensor> {
    const names = Object.keys(this.in).filter((name) => name.startsWith(prefix));
    return Object.fromEntries(names.map((name) => [name.slice(prefix.length), this.tensor(name)]));
  }
}

/** Computes the outputs of one `params.op` with the library; `P` is what the handler reads from `params`. */
// biome-ignore lint/suspicious/noExplicitAny: the table of handlers holds many kinds of params
export type Handler<P = any> = (c: GoldenCase<P>) => Outputs | Promise<Outputs>;
