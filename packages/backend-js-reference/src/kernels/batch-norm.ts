import { floats, type RefKernel } from '../kernel';
import { scratch } from '../math/scratch';

/**
 * x [r,c] → y = (x - mean) · invStd · weight + bias per channel, with mean and (biased) variance of the batch,
 * invStd = 1 / √(variance + eps), both saved; running = (1 - momentum) · running + momentum · batch, where the running
 * variance takes the unbiased one, Σ (x - mean)² / (r - 1).
 */
export const batchNormTrain: RefKernel<'batchNormTrain'> = (t, { eps, momentum }) => {
  const x = floats(t.x);
  const weight = t.weight && floats(t.weight);
  const bias = t.bias && floats(t.bias);
  const y = floats(t.y);
  const saveMean = floats(t.saveMean);
  const saveInvStd = floats(t.saveInvStd);
  const runningMean = t.runningMean && floats(t.runningMean);
  const runningVar = t.runningVar && floats(t.runningVar);
  const [r, c] = t.x.shape;

  const mean = scratch('batchNorm mean', c).fill(0, 0, c);
  for (let i = 0, at = 0; i < r; i++) for (let j = 0; j < c; j++) mean[j] += x[at++];
  for (let j = 0; j < c; j++) mean[j] /= r;
  const squares = scratch('batchNorm squares', c).fill(0, 0, c);
  for (let i = 0, at = 0; i < r; i++) {
    for (let j = 0; j < c; j++) {
      const d = x[at++] - mean[j];
      squares[j] += d * d;
    }
  }

  const scale = scratch('batchNorm scale', c);
  const shift = scratch('batchNorm shift', c);
  for (let j = 0; j < c; j++) {
    const invStd = 1 / Math.sqrt(squares[j] / r + eps);
    saveMean[j] = mean[j];
    saveInvStd[j] = invStd;
    if (runningMean) runningMean[j] = (1 - momentum) * runningMean[j] + momentum * mean[j];
    if (runningVar) runningVar[j] = (1 - momentum) * runningVar[j] + (momentum * squares[j]) / (r - 1);
    scale[j] = invStd * (weight ? weight[j] : 1);
    shift[j] = (bias ? bias[j] : 0) - mean[j] * scale[j];
  }
  for (let i = 0, at = 0; i < r; i++) {
    for (let j = 0; j < c; j++, at++) y[at] = x[at] * scale[j] + shift[j];
  }
};

/** x [r,c] → y = (x - mean) / √(variance + eps) · weight + bias per channel */
export const batchNormEval: RefKernel<'batchNormEval'> = (t, { eps }) => {
  const x = floats(t.x);
  const mean = floats(t.mean);
  const variance = floats(t.variance);
  const weight = t.weight && floats(t.weight);
  const bias = t.bias && floats(t.bias);
  const y = floats(t.y);
  const [r, c] = t.x.shape;
  const scale = scratch('batchNorm scale', c);
  const shift = scratch('batchNorm shift', c);
  for (let j = 0; j < c; j++) {
    scale[j] = (weight ? weight[j] : 1) / Math.sqrt(variance[j] + eps);
    shift[j] = (bias ? bias[j] : 0) - mean[j] * scale[j];
  }
  for (let i = 0, at = 0; i < r; i++) {
    for (let j = 0; j < c; j++, at++) y[at] = x[at] * scale[j] + shift[j];
  }
};

/**
 * With x̂ = (x - mean) · invStd: gradBias = Σ gradY, gradWeight = Σ gradY · x̂, and gradX = weight · invStd · gradY, less,
 * when training, the means of gradY and of gradY · x̂ (times x̂), which flow through the batch statistics.
 */
export const batchNormBackward: RefKernel<'batchNormBackward'> = (t, { training }) => {
  const x = floats(t.x);
  const gradY = floats(t.gradY);
  const mean = floats(t.mean);
  const invStd = floats(t.invStd);
  const weight = t.weight && floats(t.weight);
  const gradX = floats(t.gradX);
  const gradWeight = floats(t.gradWeight);
  const gradBias = floats(t.gradBias);
  const [r, c] = t.x.shape;

  const sums = scratch('batchNormBackward sums', c).fill(0, 0, c);
  const dots = scratch('batchNormBackward dots', c).fill(0, 0, c);
  for (let i = 0, at = 0; i < r; i++) {
    for (let j = 0; j < c; j++, at++) {
      sums[j] += gradY[at];
      dots[j] += gradY[at] * (x[at] - mean[j]);
    }
  }
  // gradX = gradY · scale + x · slope + shift, all per channel.
  const scale = scratch('batchNormBackward scale', c);
  const slope = scratch('batchNormBackward slope', c);
  const shift = scratch('batchNormBackward shift', c);
  for (let j = 0; j < c; j++) {
    gradBias[j] = sums[j];
    gradWeight[j] = dots[j] * invStd[j];
    scale[j] = invStd[j] * (weight ? weight[j] : 1);
    slope[j] = training ? (-scale[j] * dots[j] * invStd[j] ** 2) / r : 0;
    shift[j] = training ? (-scale[j] * sums[j]) / r - slope[j] * mean[j] : 0;
  }
  for (let i = 0, at = 0; i < r; i++) {
    for (let j = 0; j < c; j++, at++) gradX[at] = gradY[at] * scale[j] + x[at] * slope[j] + shift[j];
  }
};
