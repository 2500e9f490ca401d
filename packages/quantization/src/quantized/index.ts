export * as functional from '../functional';
export {
  QuantizedActivation as Activation,
  QuantizedHardswish as Hardswish,
  QuantizedLeakyReLU as LeakyReLU,
} from './activations';
export { QuantizedAveragePool as AveragePool } from './average-pool';
export {
  QuantizedBatchNorm,
  QuantizedBatchNorm1d as BatchNorm1d,
  QuantizedBatchNorm2d as BatchNorm2d,
  QuantizedBNReLU2d as BNReLU2d,
} from './batch-norm';
export { QuantizedConvTranspose1d as ConvTranspose1d } from './conv-transpose1d';
export { QuantizedConvTranspose2d as ConvTranspose2d } from './conv-transpose2d';
export { QuantizedConv1d as Conv1d, QuantizedConvReLU1d as ConvReLU1d } from './conv1d';
export { QuantizedConv2d as Conv2d, QuantizedConvReLU2d as ConvReLU2d } from './conv2d';
export { QuantizedEmbedding as Embedding } from './embedding';
export { QuantizedEmbeddingBag as EmbeddingBag } from './embedding-bag';
export { QuantizedGLU as GLU } from './glu';
export { QuantizedLinear as Linear, QuantizedLinearReLU as LinearReLU } from './linear';
export { QuantizedLSTM as LSTM } from './lstm';
export { QuantizedMultiheadAttention as MultiheadAttention } from './multihead-attention';
export {
  QuantizedGroupNorm as GroupNorm,
  QuantizedInstanceNorm1d as InstanceNorm1d,
  QuantizedInstanceNorm2d as InstanceNorm2d,
  QuantizedLayerNorm as LayerNorm,
} from './norm';
export { QuantizedPReLU as PReLU } from './prelu';
export { QFunctional } from './q-functional';
export { DeQuantize, Quantize } from './quantize';
export { WeightOnly } from './weight-only';
export { WeightOnlyLinear } from './weight-only-linear';
export { QuantizedWeight, QuantizedWeightAndOutput } from './weighted';
export { QuantizedOutput } from './with-output';
