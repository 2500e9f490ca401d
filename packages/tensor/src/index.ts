/** Strided tensors with autograd, on any backend of the contract. */
export {
  type Backward,
  type BackwardOptions,
  chain,
  enableGrad,
  freeHelper,
  freeIntermediate,
  grad,
  isGradEnabled,
  noGrad,
  record,
  willRecord,
} from './autograd';
export * from './factory';
export { type GradcheckOptions, gradcheck } from './gradcheck';
export * as kernel from './kernel';
export { formatShape, type Layout, type MemoryFormat, numel, sameShape } from './layout';
export * from './ops';
export * from './qparams';
export { defaultGenerator, Generator, manualSeed } from './random';
export { scope } from './scope';
export { Tensor } from './tensor';
