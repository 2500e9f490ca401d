export * as functional from '../functional';
export {
  QuantizedActivation as Activation,
  QuantizedHardswish as Hardswish,
  QuantizedLeakyReLU as LeakyReLU,
} from './activations';
export { QuantizedConvTranspose1d as ConvTranspose1d } from './conv-transpose1d';
export { QuantizedConvTranspose2d as ConvTranspose2d } from './conv-transpose2d';
export { QuantizedConv1d as Conv1d, QuantizedConvReLU1d as ConvReLU1d } from './conv1d';
export { QuantizedConv2d as Conv2d, QuantizedConvReLU2d as ConvReLU2d } from './conv2d';
export { QuantizedLinear as Linear, QuantizedLinearReLU as LinearReLU } from './linear';
export { QFunctional } from './q-functional';
export { DeQuantize, Quantize } from './quantize';
export { QuantizedWeight, QuantizedWeightAndOutput } from './weighted';
export { QuantizedOutput } from './with-output';
