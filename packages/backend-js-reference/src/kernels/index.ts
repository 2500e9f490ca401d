/** The kernels one by one, for those who need few: elementwise ones are the rows of `elementwise`. */

export { adamStep } from './adam-step';
export { adaptiveAvgPool2d, adaptiveAvgPool2dBackward } from './adaptive-avg-pool2d';
export { amax, amaxBackward } from './amax';
export { applyMask } from './apply-mask';
export { argmax } from './argmax';
export { attention, attentionBackward } from './attention';
export { avgPool2d, avgPool2dBackward } from './avg-pool2d';
export { batchNormBackward, batchNormEval, batchNormTrain } from './batch-norm';
export { calculateQparams } from './calculate-qparams';
export { cast } from './cast';
export { chooseQparams } from './choose-qparams';
export { convTranspose2d } from './conv-transpose2d';
export { conv2d, conv2dBackwardInput, conv2dBackwardWeight } from './conv2d';
export { copyStrided } from './copy-strided';
export { argsort, cumprod, cumprodBackward, cumsum, prod, prodBackward } from './cumulative';
export { dequantize } from './dequantize';
export { elementwise, elementwiseKernels } from './elementwise';
export { embedding, embeddingBackward } from './embedding';
export { fakeQuantize, learnableFakeQuantizeBackward } from './fake-quantize';
export { fill } from './fill';
export {
  fusedMovingAvgObsFakeQuant,
  fusedMovingAvgObsFakeQuantBackward,
} from './fused-moving-avg-obs-fake-quant';
export { gather, scatter } from './gather';
export { qembedding, qlinearWeightOnly } from './grouped-integers';
export { gru, gruBackward, qgruDynamic } from './gru';
export { layerNorm, layerNormBackward } from './layer-norm';
export { linear } from './linear';
export { logSoftmax, logSoftmaxBackward } from './log-softmax';
export { lstm, lstmBackward, qlstmDynamic } from './lstm';
export { matmul } from './matmul';
export { maxPool2d, maxPool2dBackward } from './max-pool2d';
export { nllLoss, nllLossBackward } from './nll-loss';
export { observeMinMax } from './observe-min-max';
export { qadaptiveAvgPool2d } from './qadaptive-avg-pool2d';
export { qadd } from './qadd';
export { qaffine } from './qaffine';
export { qavgPool2d } from './qavg-pool2d';
export { qconvTranspose2d } from './qconv-transpose2d';
export { qconv2d } from './qconv2d';
export { qconv2dDynamic } from './qconv2d-dynamic';
export { qgroupNorm } from './qgroup-norm';
export { qlinear } from './qlinear';
export { qlinearDynamic } from './qlinear-dynamic';
export { qlookup } from './qlookup';
export { qmaxPool2d } from './qmax-pool2d';
export { qmul } from './qmul';
export { quantize } from './quantize';
export { qresample2d, resample2d } from './resample2d';
export { sgdStep } from './sgd-step';
export { softmax, softmaxBackward } from './softmax';
export { sum } from './sum';
export { variance } from './variance';
export { where } from './where';
