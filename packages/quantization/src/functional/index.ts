/** The int8 operations as functions: `quantized.functional.conv2d(x, packedWeight, …)`. */
export {
  quantizedActivation as activation,
  quantizedAdd as add,
  quantizedAddScalar as addScalar,
  quantizedCat as cat,
  quantizedHardswish as hardswish,
  quantizedLeakyRelu as leakyRelu,
  quantizedMul as mul,
  quantizedMulScalar as mulScalar,
  requantize,
} from './arithmetic';
export { quantizedConv2d as conv2d } from './conv2d';
export type { OutputQparams } from './int8';
export { type DynamicOptions, dynamicLinear, quantizedLinear as linear } from './linear';
export { dynamicLstmLayer } from './lstm';
export { PackedWeight } from './packed-weight';
