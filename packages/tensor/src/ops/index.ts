// Adding an op is a file here and its line below, and its method in Tensor where PyTorch has one; an activation is a
// function in activations.ts.
export {
  type ScaledDotProductAttentionOptions,
  scaledDotProductAttention,
} from './attention/scaled-dot-product-attention';
export { abs } from './elementwise/abs';
export * from './elementwise/activations';
export { add } from './elementwise/add';
export { affine } from './elementwise/affine';
export { cast } from './elementwise/cast';
export { clamp } from './elementwise/clamp';
export type { ClampOptions } from './elementwise/clamped';
export { clone } from './elementwise/clone';
export { div } from './elementwise/div';
export { type DropoutOptions, dropout } from './elementwise/dropout';
export { exp } from './elementwise/exp';
export { glu } from './elementwise/glu';
export { hardtanh } from './elementwise/hardtanh';
export { log } from './elementwise/log';
export { mul } from './elementwise/mul';
export { neg } from './elementwise/neg';
export { pow } from './elementwise/pow';
export { prelu } from './elementwise/prelu';
export { relu } from './elementwise/relu';
export { type RReluOptions, rrelu } from './elementwise/rrelu';
export { sqrt } from './elementwise/sqrt';
export { square } from './elementwise/square';
export { sub } from './elementwise/sub';
export { threshold } from './elementwise/threshold';
export { type CrossEntropyOptions, crossEntropy } from './loss/cross-entropy';
export { l1Loss } from './loss/l1-loss';
export { type LossOptions, mseLoss } from './loss/mse-loss';
export { type NllLossOptions, nllLoss, type Reduction } from './loss/nll-loss';
export { type BatchNormOptions, batchNorm } from './norm/batch-norm';
export { layerNorm } from './norm/layer-norm';
export { adaptiveAvgPool1d, adaptiveAvgPool2d } from './pool/adaptive-avg-pool2d';
export { type AvgPool1dOptions, type AvgPool2dOptions, avgPool1d, avgPool2d } from './pool/avg-pool2d';
export { type MaxPool1dOptions, type MaxPool2dOptions, maxPool1d, maxPool2d } from './pool/max-pool2d';
export {
  type ConvTranspose1dOptions,
  type ConvTranspose2dOptions,
  convTranspose1d,
  convTranspose2d,
  convTransposeShape,
  outputPaddingFor,
} from './product/conv-transpose2d';
export {
  type Conv1dOptions,
  type Conv2dOptions,
  conv1d,
  conv2d,
  conv2dRelu,
  conv2dShape,
  convShape,
} from './product/conv2d';
export { type EmbeddingOptions, embedding } from './product/embedding';
export { linear, linearShape } from './product/linear';
export { matmul } from './product/matmul';
export {
  asImage,
  convOutputSize,
  fromImage,
  type PairLike,
  pair,
  type SingleLike,
  type SpatialRank,
  type WindowOptions,
  windowAttrs,
} from './product/window';
export {
  quantizedClamp,
  /** @deprecated Its name is quantizedClamp. */
  quantizedClamp as qclamp,
} from './quantized/functions';
export {
  quantizedLookup,
  /** @deprecated Its name is quantizedLookup. */
  quantizedLookup as lookup,
  requireEightBits,
} from './quantized/lookup';
export { dequantize, quantizePerChannel, quantizePerTensor } from './quantized/quantize';
export { gruLayer, gruOperands, gruShape } from './recurrent/gru';
export { lstmLayer, lstmOperands, lstmShape } from './recurrent/lstm';
export { amax } from './reduce/amax';
export { argmax } from './reduce/argmax';
export { logSoftmax } from './reduce/log-softmax';
export { mean } from './reduce/mean';
export { softmax } from './reduce/softmax';
export { sum, sumTo } from './reduce/sum';
export { type VarianceOptions, variance } from './reduce/variance';
export { cat } from './shape/cat';
export { chunk } from './shape/chunk';
export { contiguous } from './shape/contiguous';
export { expand } from './shape/expand';
export { flatten } from './shape/flatten';
export { pad } from './shape/pad';
export { permute } from './shape/permute';
export { reshape } from './shape/reshape';
export { select } from './shape/select';
export { slice } from './shape/slice';
export { squeeze } from './shape/squeeze';
export { stack } from './shape/stack';
export { transpose } from './shape/transpose';
export { unsqueeze } from './shape/unsqueeze';
