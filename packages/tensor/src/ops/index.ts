// Adding an op is a file here and its line below, and its method in Tensor where PyTorch has one; an activation is a
// function in activations.ts.
export { abs } from './abs';
export * from './activations';
export { adaptiveAvgPool2d } from './adaptive-avg-pool2d';
export { add } from './add';
export { affine } from './affine';
export { amax } from './amax';
export { argmax } from './argmax';
export { type AvgPool2dOptions, avgPool2d } from './avg-pool2d';
export { type BatchNormOptions, batchNorm } from './batch-norm';
export { cast } from './cast';
export { cat } from './cat';
export { chunk } from './chunk';
export { clamp } from './clamp';
export type { ClampOptions } from './clamped';
export { clone } from './clone';
export { contiguous } from './contiguous';
export { type Conv2dOptions, conv2d, conv2dRelu, conv2dShape } from './conv2d';
export { type CrossEntropyOptions, crossEntropy } from './cross-entropy';
export { div } from './div';
export { type DropoutOptions, dropout } from './dropout';
export { type EmbeddingOptions, embedding } from './embedding';
export { exp } from './exp';
export { expand } from './expand';
export { flatten } from './flatten';
export { gruLayer, gruOperands, gruShape } from './gru';
export { hardtanh } from './hardtanh';
export { l1Loss } from './l1-loss';
export { layerNorm } from './layer-norm';
export { linear, linearShape } from './linear';
export { log } from './log';
export { logSoftmax } from './log-softmax';
export { lstmLayer, lstmOperands, lstmShape } from './lstm';
export { matmul } from './matmul';
export { type MaxPool2dOptions, maxPool2d } from './max-pool2d';
export { mean } from './mean';
export { type LossOptions, mseLoss } from './mse-loss';
export { mul } from './mul';
export { neg } from './neg';
export { type NllLossOptions, nllLoss, type Reduction } from './nll-loss';
export { pad } from './pad';
export { permute } from './permute';
export { pow } from './pow';
export { dequantize, quantizePerChannel, quantizePerTensor } from './quantize';
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
export { relu } from './relu';
export { reshape } from './reshape';
export { select } from './select';
export { slice } from './slice';
export { softmax } from './softmax';
export { sqrt } from './sqrt';
export { square } from './square';
export { squeeze } from './squeeze';
export { stack } from './stack';
export { sub } from './sub';
export { sum, sumTo } from './sum';
export { transpose } from './transpose';
export { unsqueeze } from './unsqueeze';
export { type VarianceOptions, variance } from './variance';
export { convOutputSize, type PairLike, pair, type WindowOptions, windowAttrs } from './window';
