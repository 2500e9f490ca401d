/** The int8 operations as functions: `quantized.functional.conv2d(x, packedWeight, …)`. */
export {
  quantizedAdd as add,
  quantizedAddScalar as addScalar,
  quantizedCat as cat,
  quantizedMul as mul,
  quantizedMulScalar as mulScalar,
} from './arithmetic';
export {
  type BatchNormNumbers,
  quantizedBatchNorm as batchNorm,
  quantizedPrelu as prelu,
} from './channels';
export {
  quantizedConvTranspose1d as convTranspose1d,
  quantizedConvTranspose2d as convTranspose2d,
} from './conv-transpose2d';
export { quantizedConv1d as conv1d, quantizedConv2d as conv2d } from './conv2d';
export {
  dequantizeGroups,
  type GroupedQuantization,
  type GroupedWeight,
  quantizedEmbedding as embedding,
  quantizeGroups,
  weightOnlyLinear,
} from './grouped-integers';
export { dynamicGruLayer } from './gru';
export type { OutputClamp, OutputQparams } from './int8';
export { type DynamicOptions, dynamicLinear, quantizedLinear as linear } from './linear';
export { dynamicLstmLayer } from './lstm';
export { quantizedMatmul as matmul } from './matmul';
export { quantizedGroupNorm as groupNorm, quantizedLayerNorm as layerNorm } from './norm';
export { PackedWeight } from './packed-weight';
export {
  quantizedActivation as activation,
  quantizedHardswish as hardswish,
  quantizedLeakyRelu as leakyRelu,
  quantizedMap as map,
  requantize,
} from './pointwise';
