/** What follows from the rows: names of kernels, and composites by kernel. */
import { type Composite, compositesOf } from './composite';
import {
  binaryFunctions,
  type CompositeName,
  type ElementwiseFunction,
  type ElementwiseKernels,
  elementwiseRows,
  relations,
  type UnaryName,
} from './functions';

/** The rows, for loops over all: attributes are checked where a kernel is called by its name. */
export const elementwiseFunctions: Readonly<Record<UnaryName, ElementwiseFunction>> = elementwiseRows;

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

/** The composite of a kernel by its name, if its row has one. */
export function compositeOf(kernel: string): Composite | undefined {
  const name = kernel.replace(/Backward$/, '');
  if (!Object.hasOwn(elementwiseRows, name)) return undefined;
  const { forward, backward } = compositesOf(elementwiseFunctions[name as UnaryName]);
  return name === kernel ? forward : backward;
}
