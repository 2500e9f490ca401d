// What inference calls, in int8 and in float: the entry `inference` has these functions alone. Those of a new kernel of the profile
// inference-float belong here.
export * from './int8';
export { attention, attentionFewRows, packRowBlocks, rowProducts } from './attention';
export { convolve } from './conv';
export { depthwise, packDepthwise } from './depthwise';
export {
  abs, add, addClamped, affine, ceil, clamp, div, exp, floor, gelu, hardsigmoid, hardswish, leakyRelu, log, maximum, minimum,
  mul, mulClamped, relu, round, sigmoid, sign, sqrt, sub, tanh, trunc,
} from './elementwise';
export * from './gemm';
export { gru } from './gru';
export { lstm } from './lstm';
export * from './masks';
export { batchNormEvalPatterns, layerNorm, scaleByPattern } from './norm';
export { averagePool, maxPool } from './pool';
export * from './reductions';
export { amax, argmax, logSoftmax, softmax, variance } from './softmax';
