/**
 * Tensors without the ops as methods, and without a default backend: for libraries, and for apps that ship only the functions
 * they import. `@octet/tensor` adds both; it is the same tensors and the same state.
 */
import './core-methods';

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
export { getBackend, setBackend, withBackend } from './current-backend';
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
