/** What follows from the rows: names of kernels, and composites by kernel. */
import {
  binaryFunctions,
  type CompositeName,
  type ElementwiseFunction,
  type ElementwiseKernels,
  functions,
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

/** A composite: an expression of the kernel's inputs, which are terms too, by their names. */
export interface Composite {
  term(inputs: Readonly<Record<string, Term>>, attrs: object): Term;
  /** The kernels that it calls. */
  readonly kernels: ReadonlySet<string>;
}

function composite(term: Composite['term'], inputs: readonly string[], example: object): Composite {
  const given = Object.fromEntries(inputs.map((name) => [name, input()]));
  const calls = callsOf(term(given, example));
  return { term, kernels: new Set([...calls].map(({ kernel }) => kernel as string)) };
}

let made: ReadonlyMap<string, Composite> | undefined;

/** All composites, made when first asked for. */
export function composites(): ReadonlyMap<string, Composite> {
  made ??= new Map(
    rows.flatMap(([name, { composite: by, from = 'x', examples: [example] = [{}] }]) => {
      if (!by) return [];
      const { forward, backward } = by;
      const found: [string, Composite][] = [
        [name, composite(({ x }, attrs) => forward(x, attrs), ['x'], example)],
      ];
      if (backward) {
        const term: Composite['term'] = ({ [from]: source, gradY }, attrs) => backward(source, gradY, attrs);
        found.push([`${name}Backward`, composite(term, [from, 'gradY'], example)]);
      }
      return found;
    }),
  );
  return made;
}
