/** All packages as one. Each is there by itself, too: `octet/nn` is `@octet/nn`. */
export * from '@octet/backend';
export * from '@octet/backend-js-reference';
export * from '@octet/backend-wasm-simd';
export * from '@octet/backend-webgpu';
export * from '@octet/data';
export * from '@octet/formats';
export * from '@octet/graph';
export * from '@octet/inspect';
// Layers and functions have options of one name: these are the layers'. Those of functions are in octet/tensor.
export type {
  AvgPool1dOptions,
  AvgPool2dOptions,
  BatchNormOptions,
  Conv1dOptions,
  Conv2dOptions,
  ConvTranspose1dOptions,
  ConvTranspose2dOptions,
  EmbeddingOptions,
  InstanceNormOptions,
  MaxPool1dOptions,
  MaxPool2dOptions,
  MaxUnpool1dOptions,
  MaxUnpool2dOptions,
  StateDict,
} from '@octet/nn';
export * from '@octet/nn';
export * from '@octet/onnx';
export * from '@octet/optim';
export * from '@octet/quantization';
export * from '@octet/tensor';
export * from '@octet/vision';
export { type Architecture, architectureMetadata } from './architecture';
export {
  type BackendName,
  type BestBackend,
  type BestBackendOptions,
  bestBackend,
  type PassedOver,
} from './best-backend';
export { type LoadModelOptions, loadModel } from './load-model';
