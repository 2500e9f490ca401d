import type { WasmKernel } from '../kernel';

/** Elements of a block of rows whose sums are kept apart. */
const blockElements = 16_384;
/** The minimal lengths, in elements: of the repeated pattern of channels, and of a unit of work, which is whole patterns. */
const patternElements = 64;
const unitElements = 8192;
/** Channels worth a thread. */
const channelGrain = 4096;

const filled = (channels: number) => Math.ceil(channels / 4) * 4;

function blockRowsOf(channels: number): number {
  return Math.max(16, Math.floor(blockElements / Math.max(1, channels)));
}

/** Length of a pattern: a multiple of the channels and of 4, so that it repeats at aligned places. */
function patternOf(channels: number): { length: number; unit: number } {
  const aligned = channels % 4 === 0 ? channels : channels % 2 === 0 ? channels * 2 : channels * 4;
  const length = aligned * Math.ceil(patternElements / Math.max(1, aligned));
  return { length, unit: length * Math.ceil(unitElements / length) };
}

/** x [r,c] → y with the batch's statistics, kept and mixed into the running ones */
export const batchNormTrain: WasmKernel<'batchNormTrain'> = (cx, t, { eps, momentum }) => {
  const [rows, channels] = t.x.shape;
  const blockRows = blockRowsOf(channels);
  const blocks = Math.ceil(rows / blockRows);
  const { length, unit } = patternOf(channels);
  const partial = cx.scratch(blocks * 2 * filled(channels) * 4);
  const [scale, shift] = [cx.scratch(length * 4), cx.scratch(length * 4)];
  const [x, y] = [cx.address(t.x), cx.address(t.y)];
  cx.parallel('batchStatistics', { x, partial, rows, channels, blockRows }, blocks, 2);
  const args = {
    ...{ partial, weight: cx.addressIfAny(t.weight), bias: cx.addressIfAny(t.bias) },
    ...{ saveMean: cx.address(t.saveMean), saveInvStd: cx.address(t.saveInvStd) },
    ...{ runningMean: cx.addressIfAny(t.runningMean), runningVar: cx.addressIfAny(t.runningVar) },
    ...{ scale, shift, length, rows, channels, blockRows, eps, momentum },
  };
  cx.parallel('batchNormPatterns', args, channels, channelGrain);
  const n = rows * channels;
  const flat = { x, y, scale, shift, n, length, unitLength: unit };
  cx.parallel('scaleByPattern', flat, Math.ceil(n / unit), 4);
};

/** y = (x - mean) / √(variance + eps) · weight + bias per channel */
export const batchNormEval: WasmKernel<'batchNormEval'> = (cx, t, { eps }) => {
  const [rows, channels] = t.x.shape;
  const { length, unit } = patternOf(channels);
  const [scale, shift] = [cx.scratch(length * 4), cx.scratch(length * 4)];
  const args = {
    ...{ mean: cx.address(t.mean), variance: cx.address(t.variance) },
    ...{ weight: cx.addressIfAny(t.weight), bias: cx.addressIfAny(t.bias) },
    ...{ scale, shift, length, channels, eps },
  };
  cx.parallel('batchNormEvalPatterns', args, channels, channelGrain);
  const n = rows * channels;
  const flat = { x: cx.address(t.x), y: cx.address(t.y), scale, shift, n, length, unitLength: unit };
  cx.parallel('scaleByPattern', flat, Math.ceil(n / unit), 4);
};

export const batchNormBackward: WasmKernel<'batchNormBackward'> = (cx, t, { training }) => {
  const [rows, channels] = t.x.shape;
  const blockRows = blockRowsOf(channels);
  const blocks = Math.ceil(rows / blockRows);
  const { length, unit } = patternOf(channels);
  const partial = cx.scratch(blocks * 2 * filled(channels) * 4);
  const scale = cx.scratch(length * 4);
  const patterns = { scale, slope: cx.scratch(length * 4), shift: cx.scratch(length * 4) };
  const [x, gradY, mean] = [cx.address(t.x), cx.address(t.gradY), cx.address(t.mean)];
  cx.parallel('batchNormSums', { x, gradY, mean, partial, rows, channels, blockRows }, blocks, 2);
  const args = {
    ...{ partial, mean, invStd: cx.address(t.invStd), weight: cx.addressIfAny(t.weight) },
    ...{ gradWeight: cx.address(t.gradWeight), gradBias: cx.address(t.gradBias) },
    ...patterns,
    ...{ length, rows, channels, blocks, training },
  };
  cx.parallel('batchNormBackwardPatterns', args, channels, channelGrain);
  const n = rows * channels;
  const flat = { ...patterns, x, gradY, gradX: cx.address(t.gradX), n, length, unitLength: unit };
  cx.parallel('blendByPattern', flat, Math.ceil(n / unit), 4);
};

/** x [r,c] normalised over each row */
export const layerNorm: WasmKernel<'layerNorm'> = (cx, t, { eps }) => {
  const [rows, channels] = t.x.shape;
  const args = {
    ...{ x: cx.address(t.x), weight: cx.addressIfAny(t.weight), bias: cx.addressIfAny(t.bias) },
    ...{ y: cx.address(t.y), means: cx.address(t.mean), invStds: cx.address(t.invStd), channels, eps },
  };
  cx.parallel('layerNorm', args, rows, Math.ceil(blockElements / (channels + 1)));
};

export const layerNormBackward: WasmKernel<'layerNormBackward'> = (cx, t) => {
  const [rows, channels] = t.x.shape;
  const blockRows = blockRowsOf(channels);
  const blocks = Math.ceil(rows / blockRows);
  const partial = cx.scratch(blocks * 2 * filled(channels) * 4);
  const args = {
    ...{ x: cx.address(t.x), gradY: cx.address(t.gradY), gradX: cx.address(t.gradX) },
    ...{ means: cx.address(t.mean), invStds: cx.address(t.invStd), weight: cx.addressIfAny(t.weight) },
    ...{ partial, rows, channels, blockRows },
  };
  cx.parallel('layerNormBackward', args, blocks);
  const [first, second] = [cx.address(t.gradWeight), cx.address(t.gradBias)];
  const sums = { partial, first, second, blocks, channels };
  cx.parallel('sumPairs', sums, channels, channelGrain);
};
