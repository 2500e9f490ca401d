/** From float to int8: observers, fake quantization, fusing, preparing, converting; PyTorch's eager mode. */
import '@octet/tensor';

export { type CalibrateOptions, calibrate, type Inputs, type ModelInput } from './calibrate';
export { type ConvertOptions, convert, type QuantizeDynamicOptions, quantizeDynamic } from './convert';
export { defaultModuleRules, moduleRules } from './default-rules';
export * as dynamic from './dynamic';
export * from './fake-quantize';
export * from './fake-quantize/switches';
export { FloatFunctional } from './float-functional';
export { fakeQuantize, learnableFakeQuantize } from './functional/fake-quantize';
export type { QparamTensors } from './functional/observe';
export { type FuseOptions, fuse, fuseModules, fuseModulesQat } from './fuse';
export * from './fx';
export * as intrinsic from './intrinsic';
export { FloatIsland, leaveInFloat, type Mixed } from './leave-in-float';
export {
  defaultDynamicMapping,
  defaultQatMapping,
  defaultStaticMapping,
  type StaticRule,
} from './mappings';
export {
  Conversion,
  type Fusion,
  type HasFloatForm,
  type ModuleClass,
  type ModuleRule,
  ModuleRules,
  type QatForm,
  toFloat,
} from './module-rules';
export {
  flushObservers,
  /** @deprecated Its name is flushObservers. */
  flushObservers as settleObservers,
} from './observed';
export * from './observers';
export { type PrepareOptions, prepare, prepareQat } from './prepare';
export * as qat from './qat';
export { freezeBnStats, updateBnStats } from './qat/freeze-bn-stats';
export * from './qconfig';
export {
  getDefaultGraphQConfigMapping,
  getDefaultQatQConfigMapping,
  getDefaultQConfigMapping,
  QConfigMapping,
} from './qconfig-mapping';
export * as quantizable from './quantizable';
export {
  floatQparamsWeightOnlyQconfig,
  floatQparamsWeightOnlyQconfig4bit,
  int4WeightOnly,
  int8WeightOnly,
  type QuantizeWeightsOptions,
  quantize_,
  type WeightOnlyConfig,
} from './quantize-weights';
export * as quantized from './quantized';
export { DeQuantStub, QuantStub, QuantWrapper } from './stubs';
export { type ObserverFactory, type ObserverLike, type ObserverOrFakeQuant, withArgs } from './with-args';
