export { type ComposedCall, composedCalls, composedKernel } from './compose';
export {
  type BinaryName,
  binaryFunctions,
  type Clamp,
  type Clamped,
  type CompositeName,
  type ElementwiseFunction,
  type ElementwiseKernels,
  type IntegerName,
  integerFunctions,
  type RelationName,
  relations,
  type UnaryName,
} from './functions';
export { type Composite, compositeOf, type Expression, elementwiseFunctions } from './lists';
export { callsOf, type Term } from './term';
