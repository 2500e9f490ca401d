/**
 * What is right, for the conformance suite: the formulas of kernels as plain loops. Where the reference is fast (tiles,
 * blocks, windows that slide) the formula stands here; where its own loop is the formula already, the reference is it.
 */
import { type Backend, extendBackend, type OwnKernelName } from '@octet/backend';
import { type HostBuffer, referenceBackend } from '@octet/backend-js-reference';
import { convDefinitions } from './conv';
import { matmulDefinitions } from './matmul';
import { poolDefinitions } from './pool';

export { at, broadcastAt, build, indices, type NdArray, size, sumOf } from './array';

/** The kernels that have a formula of their own here. */
export const definitions = { ...convDefinitions, ...matmulDefinitions, ...poolDefinitions };

/** The kernels that the reference defines, beside the elementwise ones, whose definitions are the rows of their table. */
export const definedByReference = [
  'fill',
  'cast',
  'copyStrided',
  'add',
  'sub',
  'mul',
  'div',
  'applyMask',
  'where',
  'gather',
  'scatter',
  'cumsum',
  'cumprod',
  'cumprodBackward',
  'prod',
  'prodBackward',
  'argsort',
  'sum',
  'amax',
  'amaxBackward',
  'argmax',
  'variance',
  'softmax',
  'softmaxBackward',
  'logSoftmax',
  'logSoftmaxBackward',
  'nllLoss',
  'nllLossBackward',
  'lstm',
  'lstmBackward',
  'gru',
  'gruBackward',
  'attention',
  'attentionBackward',
  'batchNormTrain',
  'batchNormEval',
  'batchNormBackward',
  'layerNorm',
  'layerNormBackward',
  'resample2d',
  'embedding',
  'embeddingBackward',
  'sgdStep',
  'adamStep',
  'observeMinMax',
  'calculateQparams',
  'chooseQparams',
  'fakeQuantize',
  'fusedMovingAvgObsFakeQuant',
  'fusedMovingAvgObsFakeQuantBackward',
  'learnableFakeQuantizeBackward',
  'quantize',
  'dequantize',
  'qlookup',
  'qlinearWeightOnly',
  'qembedding',
  'qlstmDynamic',
  'qgruDynamic',
  'qresample2d',
  'qadd',
  'qmul',
  'qaffine',
  'qgroupNorm',
] as const satisfies readonly Exclude<OwnKernelName, keyof typeof definitions>[];

/** Runs the definitions, and the reference's kernels where there are none: slow, and what others are compared with. */
export const oracle: Backend<HostBuffer> = extendBackend(referenceBackend, {
  name: 'oracle',
  kernels: definitions,
});
