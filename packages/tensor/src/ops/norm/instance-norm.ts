import { ArgumentError, checkOptions, ShapeError } from '@octet/backend';
import { noGrad } from '../../autograd';
import { present, requireFloat, requireRank } from '../../kernel';
import { formatShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { add } from '../elementwise/add';
import { affine } from '../elementwise/affine';
import { mean } from '../reduce/mean';
import { variance } from '../reduce/variance';
import { reshape } from '../shape/reshape';
import { batchNorm } from './batch-norm';
import { groupNorm, requireChannels } from './group-norm';

export interface InstanceNormOptions {
  runningMean?: Tensor | undefined;
  runningVar?: Tensor | undefined;
  weight?: Tensor | undefined;
  bias?: Tensor | undefined;
  /** Whether each sample is normalised by its own statistics, as in training, and not by the running ones. */
  useInputStats?: boolean;
  momentum?: number;
  eps?: number;
}

/**
 * (x - mean) / sqrt(variance + eps) · weight + bias for each channel of each sample of x [N, C, L] or [N, C, H, W]. Of the input's own
 * statistics runningMean and runningVar [C] move by `momentum` towards the means of the samples' (the variances unbiased).
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function instanceNorm(x: Tensor, options: InstanceNormOptions = {}): Tensor {
  const op = 'instanceNorm';
  const {
    runningMean,
    runningVar,
    weight,
    bias,
    useInputStats = true,
    momentum = 0.1,
    eps = 1e-5,
  } = checkOptions(op, options, 'runningMean runningVar weight bias useInputStats momentum eps');
  requireFloat(op, x, ...present(runningMean, runningVar, weight, bias));
  requireRank(op, 'x', x, 3, 4);
  const [batch, channels] = x.shape;
  requireChannels(op, channels, { runningMean, runningVar, weight, bias });
  if (!runningMean !== !runningVar || (!useInputStats && !runningMean)) {
    throw new ArgumentError({
      op,
      expected: useInputStats ? 'runningMean and runningVar, or neither' : 'runningMean and runningVar',
      found: !runningMean && !runningVar ? 'neither' : 'one of them',
      fix: 'Pass both, or { useInputStats: true } to use the statistics of each sample.',
    });
  }
  if (!useInputStats) return batchNorm(x, { runningMean, runningVar, weight, bias, eps });
  const size = x.numel / (batch * channels);
  if (size <= 1) {
    throw new ShapeError({
      op,
      expected: 'more than one value per channel of a sample',
      found: formatShape(x.shape),
      fix: 'One value has no variance: use a larger input.',
    });
  }
  if (runningMean && runningVar) {
    tidy(() =>
      noGrad(() => {
        const rows = reshape(x.detach(), [batch, channels, size]);
        const follow = (running: Tensor, now: Tensor) =>
          running.copy_(add(affine(running, 1 - momentum, 0), affine(mean(now, 0), momentum, 0)));
        follow(runningMean, mean(rows, 2));
        follow(runningVar, variance(rows, 2));
      }),
    );
  }
  return groupNorm(x, channels, weight, bias, eps);
}
