/** Strided tensors with autograd, on any backend of the contract. */
import './methods';

export {
  type Backward,
  type BackwardOptions,
  enableGrad,
  grad,
  isGradEnabled,
  type Needs,
  noGrad,
  type Operands,
  op,
  record,
  type Save,
  willRecord,
} from './autograd';
export * from './factory';
export * as kernel from './for-ops';
export { type GradcheckOptions, gradcheck } from './gradcheck';
export { formatShape, type Layout, type MemoryFormat, numel, sameShape } from './layout';
export * from './ops';
export * from './qparams';
export { defaultGenerator, Generator, manualSeed } from './random';
export { outside, type ReleaseEarly, scope, tidy } from './scope';
export type { Storage } from './storage';
export { Tensor } from './tensor';
