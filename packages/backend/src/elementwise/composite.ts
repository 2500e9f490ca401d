/** Kernels as expressions of other kernels, made of the rows of functions.ts. */
import type { ElementwiseFunction } from './functions';
import { callsOf, input, type Term } from './term';

/** A kernel as an expression of others. */
export interface Expression {
  /** The kernel's inputs, by their names. */
  readonly inputs: Readonly<Record<string, Term>>;
  readonly output: Term;
}

export interface Composite {
  express(attrs: object): Expression;
  /** The kernels that it calls. */
  readonly kernels: ReadonlySet<string>;
}

/** The composites of a row: of its kernel, and of its backward kernel. */
export interface RowComposites {
  readonly forward?: Composite;
  readonly backward?: Composite;
}

function composite(
  inputs: readonly string[],
  term: (inputs: Readonly<Record<string, Term>>, attrs: object) => Term,
  example: object,
): Composite {
  const express = (attrs: object) => {
    const given = Object.fromEntries(inputs.map((name) => [name, input()]));
    return { inputs: given, output: term(given, attrs) };
  };
  const calls = callsOf(express(example).output);
  return { express, kernels: new Set([...calls].map(({ kernel }) => kernel as string)) };
}

const made = new WeakMap<ElementwiseFunction, RowComposites>();

/** What a row says of its kernels in terms of others; made when first asked for. */
export function compositesOf(row: ElementwiseFunction): RowComposites {
  let found = made.get(row);
  if (!found) {
    found = makeComposites(row);
    made.set(row, found);
  }
  return found;
}

function makeComposites({ composite: by, from = 'x', examples: [example] = [{}] }: ElementwiseFunction) {
  if (!by) return {};
  const { forward, backward } = by;
  return {
    forward: composite(['x'], ({ x }, attrs) => forward(x, attrs), example),
    ...(backward && {
      backward: composite(
        [from, 'gradY'],
        ({ [from]: source, gradY }, attrs) => backward(source, gradY, attrs),
        example,
      ),
    }),
  };
}
