/**
 * Layers, losses and what is made of them, without what `@octet/tensor` adds to `@octet/tensor/functional`: for libraries, and for
 * apps that ship only the modules they import.
 */
export { ModuleDict, ParameterDict, ParameterList } from './containers';
export * as functional from './functional';
export type { ForwardHook, ForwardPreHook, HookHandle, HookOptions, HookTime } from './hooks';
export * as init from './init';
export { skipInit } from './init';
export * from './layers';
export * from './losses';
export {
  type AnyModule,
  hasHooks,
  Module,
  moveHooks,
  removeHooks,
  requireModule,
} from './module';
export { ModuleList } from './module-list';
export { Buffer, type BufferOptions, Parameter } from './parameter';
export { Sequential } from './sequential';
export { type LoadResult, type SaveState, type StateDict, type StateLoader, stateKey } from './state-dict';
export { type LayerSummary, layerSummaries, type Measured, type SummaryInput, summary } from './summary';
export {
  AveragedModel,
  type AveragedModelOptions,
  type AvgFn,
  getEmaAvgFn,
  getSwaAvgFn,
  updateBn,
} from './utils/averaged-model';
export { type ClipGradNormOptions, clipGradNorm_, clipGradValue_ } from './utils/clip-grad';
