/** What follows from the rows: names of kernels, and composites by kernel. */
import {
  binaryFunctions,
  type CompositeName,
  type ElementwiseFunction,
  type ElementwiseKernels,
  functions,
  relations,
  type UnaryName,
} from './functions';
import { callsOf, input, type Term } from './term';

/** The rows, for loops over all: attributes are checked where a kernel is called by its name. */
export const elementwiseFunctions: Readonly<Record<UnaryName, ElementwiseFunction>> = functions;

const rows = Object.entries(elementwiseFunctions) as [UnaryName, ElementwiseFunction][];

const named = <N extends string>(names: readonly string[]): readonly N[] => names as readonly N[];
type Name = keyof ElementwiseKernels;

/** Forward kernels, those of the profile `inference-float`: what a backend must have, and what can be composed. */
export const forwardKernels = {
  primitive: named<Name>([
    ...Object.keys(binaryFunctions),
    ...Object.keys(relations),
    ...rows.filter(([, row]) => !row.composite).map(([name]) => name),
  ]),
  composite: named<CompositeName>(rows.filter(([, row]) => row.composite).map(([name]) => name)),
};

const withBackward = rows.filter(([, row]) => row.backward);

/** Their backward kernels, those of the profile `training`. */
export const backwardKernels = {
  primitive: named<Name>(
    withBackward.filter(([, row]) => !row.composite?.backward).map(([name]) => `${name}Backward`),
  ),
  composite: named<CompositeName>(
    withBackward.filter(([, row]) => row.composite?.backward).map(([name]) => `${name}Backward`),
  ),
};

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

let made: ReadonlyMap<string, Composite> | undefined;

function makeComposites(): ReadonlyMap<string, Composite> {
  const found = new Map<string, Composite>();
  for (const [name, { composite: by, from = 'x', examples: [example] = [{}] }] of rows) {
    if (!by) continue;
    const { forward, backward } = by;
    found.set(
      name,
      composite(['x'], ({ x }, attrs) => forward(x, attrs), example),
    );
    if (!backward) continue;
    const term = ({ [from]: source, gradY }: Readonly<Record<string, Term>>, attrs: object) =>
      backward(source, gradY, attrs);
    found.set(`${name}Backward`, composite([from, 'gradY'], term, example));
  }
  return found;
}

/** The composite of a kernel, if its row has one. */
export function compositeOf(kernel: string): Composite | undefined {
  // Made when first asked for: most backends have kernels of their own.
  if (made === undefined) made = makeComposites();
  return made.get(kernel);
}
