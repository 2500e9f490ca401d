export { composedKernel } from './compose';
export {
  type BinaryName,
  binaryFunctions,
  type CompositeName,
  type ElementwiseFunction,
  type ElementwiseKernels,
  type UnaryName,
} from './functions';
export { elementwiseFunctions } from './lists';
export type { Term } from './term';
