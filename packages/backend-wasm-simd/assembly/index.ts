// Everything exported here can be called from TypeScript by its name: what inference calls, and what training does beside it. See
// ../README.md for the rules.
export * from './inference';
export { attentionBackward } from './attention';
export { convolveWeightGradient, sumWeightGradient } from './conv';
export { depthwiseWeightGradient, sumDepthwiseGradient } from './depthwise';
export {
  applyMask, clampBackward, clampOpenBackward, geluBackward, hardsigmoidBackward, hardswishBackward, leakyReluBackward,
  reluBackward, sigmoidBackward, tanhBackward,
} from './elementwise';
export { gruBackward } from './gru';
export { lstmBackward } from './lstm';
export {
  batchNormBackwardPatterns, batchNormPatterns, batchNormSums, batchStatistics, blendByPattern, layerNormBackward, sumPairs,
} from './norm';
export * from './observers';
export * from './optim';
export { averagePoolBackward, maxPoolBackward } from './pool';
export { amaxBackward, logSoftmaxBackward, softmaxBackward } from './softmax';
