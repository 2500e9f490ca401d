// Adding an op is a file here and its line below, and its method in Tensor where PyTorch has one; an activation is a
// function in activations.ts.
export { type RotaryEmbeddingFunctionOptions, rotaryEmbedding } from './attention/rotary-embedding';
export {
  type ScaledDotProductAttentionOptions,
  scaledDotProductAttention,
} from './attention/scaled-dot-product-attention';
export { boxIou, nms } from './boxes/nms';
export { abs } from './elementwise/abs';
export * from './elementwise/activations';
export { add } from './elementwise/add';
export { affine } from './elementwise/affine';
export { alphaDropout, featureAlphaDropout } from './elementwise/alpha-dropout';
export { atan2 } from './elementwise/atan2';
export { cast } from './elementwise/cast';
export { clamp, clampMax, clampMin } from './elementwise/clamp';
export type { ClampOptions } from './elementwise/clamped';
export { clone } from './elementwise/clone';
export { div } from './elementwise/div';
export { type DropoutOptions, dropout } from './elementwise/dropout';
export { exp } from './elementwise/exp';
export {
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atanh,
  ceil,
  cos,
  cosh,
  erf,
  exp2,
  expm1,
  floor,
  log1p,
  log2,
  log10,
  reciprocal,
  round,
  rsqrt,
  sign,
  sin,
  sinh,
  tan,
  trunc,
} from './elementwise/functions';
export { glu, halves } from './elementwise/glu';
export { hardtanh } from './elementwise/hardtanh';
export { log } from './elementwise/log';
export { maximum, minimum } from './elementwise/maximum';
export { mul } from './elementwise/mul';
export { neg } from './elementwise/neg';
export { pow } from './elementwise/pow';
export { prelu } from './elementwise/prelu';
export {
  eq,
  ge,
  gt,
  isfinite,
  isinf,
  isnan,
  le,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  lt,
  ne,
} from './elementwise/relations';
export { relu } from './elementwise/relu';
export { floorDivide, fmod, remainder } from './elementwise/remainder';
export { type RReluOptions, rrelu } from './elementwise/rrelu';
export { sqrt } from './elementwise/sqrt';
export { square } from './elementwise/square';
export { rsub, sub } from './elementwise/sub';
export { threshold } from './elementwise/threshold';
export { maskedFill, where } from './elementwise/where';
export { gather, takeAlongDim } from './indexing/gather';
export { index, indexSelect, maskedSelect, nonzero } from './indexing/index-select';
export {
  indexAdd,
  type ScatterReduceOptions,
  scatter,
  scatter_,
  scatterAdd,
  scatterAdd_,
  scatterReduce,
} from './indexing/scatter';
export {
  type BinaryCrossEntropyOptions,
  type BinaryCrossEntropyWithLogitsOptions,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
} from './loss/binary-cross-entropy';
export {
  type CosineEmbeddingLossOptions,
  type CosineSimilarityOptions,
  cosineEmbeddingLoss,
  cosineSimilarity,
} from './loss/cosine-embedding-loss';
export { type CrossEntropyOptions, crossEntropy } from './loss/cross-entropy';
export { type CtcLossOptions, ctcLoss } from './loss/ctc-loss';
export { type KlDivOptions, klDiv } from './loss/kl-div';
export { l1Loss } from './loss/l1-loss';
export { type LossOptions, mseLoss } from './loss/mse-loss';
export { type NllLossOptions, nllLoss, type Reduction } from './loss/nll-loss';
export {
  type HuberLossOptions,
  huberLoss,
  type SmoothL1LossOptions,
  smoothL1Loss,
} from './loss/smooth-l1-loss';
export {
  type PairwiseDistanceOptions,
  pairwiseDistance,
  type TripletMarginLossOptions,
  tripletMarginLoss,
} from './loss/triplet-margin-loss';
export { type BatchNormOptions, batchNorm } from './norm/batch-norm';
export { groupNorm } from './norm/group-norm';
export { type InstanceNormOptions, instanceNorm } from './norm/instance-norm';
export { layerNorm } from './norm/layer-norm';
export { type LocalResponseNormOptions, localResponseNorm } from './norm/local-response-norm';
export { rmsNorm } from './norm/rms-norm';
export { adaptiveAvgPool1d, adaptiveAvgPool2d } from './pool/adaptive-avg-pool2d';
export {
  adaptiveMaxPool1d,
  adaptiveMaxPool1dWithIndices,
  adaptiveMaxPool2d,
  adaptiveMaxPool2dWithIndices,
} from './pool/adaptive-max-pool2d';
export {
  type AverageOptions,
  type AvgPool1dOptions,
  type AvgPool2dOptions,
  avgPool1d,
  avgPool2d,
} from './pool/avg-pool2d';
export {
  type MaxPool1dOptions,
  type MaxPool2dOptions,
  maxPool1d,
  maxPool1dWithIndices,
  maxPool2d,
  maxPool2dWithIndices,
} from './pool/max-pool2d';
export {
  type MaxUnpool1dOptions,
  type MaxUnpool2dOptions,
  maxUnpool1d,
  maxUnpool2d,
} from './pool/max-unpool2d';
export { bilinear } from './product/bilinear';
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
export { bmm, dot, einsum, outer, trace } from './product/einsum';
export { type EmbeddingOptions, embedding } from './product/embedding';
export { linear, linearShape } from './product/linear';
export { matmul } from './product/matmul';
export {
  type ConvPadding,
  type PaddingMode,
  type PaddingName,
  padInput,
  requireSameStride,
} from './product/padding';
export { fold, type UnfoldOptions, unfold } from './product/unfold';
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
export { cumprod, cumsum, prod } from './reduce/cumulative';
export { all, amin, any, argmin, logsumexp, type NormOptions, norm, std } from './reduce/extremes';
export { logSoftmax } from './reduce/log-softmax';
export { mean } from './reduce/mean';
export { softmax } from './reduce/softmax';
export { argsort, type SortOptions, sort, type TopkOptions, topk } from './reduce/sort';
export { sum, sumTo } from './reduce/sum';
export { type VarianceOptions, variance } from './reduce/variance';
export { type InterpolateMode, type InterpolateOptions, interpolate } from './resample/interpolate';
export { resample2d } from './resample/resample2d';
export type { Taps } from './resample/taps';
export { cat } from './shape/cat';
export { chunk } from './shape/chunk';
export { contiguous } from './shape/contiguous';
export { expand } from './shape/expand';
export { flatten } from './shape/flatten';
export { diag, eye, fullLike, linspace, meshgrid, oneHot } from './shape/grids';
export { type PadOptions, pad } from './shape/pad';
export { permute } from './shape/permute';
export {
  channelShuffle,
  diagonal,
  flip,
  narrow,
  pixelShuffle,
  pixelUnshuffle,
  repeat,
  repeatInterleave,
  roll,
  split,
  tile,
  unbind,
  windows,
} from './shape/rearrange';
export { reshape } from './shape/reshape';
export { select } from './shape/select';
export { slice } from './shape/slice';
export { squeeze } from './shape/squeeze';
export { stack } from './shape/stack';
export { transpose } from './shape/transpose';
export { tril, triu } from './shape/tril';
export { unsqueeze } from './shape/unsqueeze';
