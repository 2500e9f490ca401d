import { ArgumentError, checkOptions, ShapeError } from '@octet/backend';
import { op } from '../../autograd';
import {
  asOperand,
  channelsInnermost,
  contiguous,
  emptyLike,
  emptyOn,
  present,
  requireFloat,
  requireRank,
  run,
  withStrides,
} from '../../kernel';
import { formatShape, sameShape } from '../../layout';
import type { Tensor } from '../../tensor';
import { affine } from '../elementwise/affine';
import { applyUnary } from '../elementwise/elementwise';

export interface BatchNormOptions {
  runningMean?: Tensor | undefined;
  runningVar?: Tensor | undefined;
  weight?: Tensor | undefined;
  bias?: Tensor | undefined;
  training?: boolean;
  momentum?: number;
  eps?: number;
}

/**
 * (x - mean) / sqrt(variance + eps) · weight + bias for each channel of x [N, C], [N, C, L] or [N, C, H, W]. In training
 * mean and (biased) variance are the batch's, and runningMean and runningVar [C] move in place by `momentum` towards
 * them (the variance unbiased); else they are runningMean and runningVar.
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function batchNorm(x: Tensor, options: BatchNormOptions): Tensor {
  const {
    runningMean,
    runningVar,
    weight,
    bias,
    training = false,
    momentum = 0.1,
    eps = 1e-5,
  } = checkOptions('batchNorm', options, 'runningMean runningVar weight bias training momentum eps');
  requireFloat('batchNorm', x, ...present(runningMean, runningVar, weight, bias));
  checkShapes(x, { runningMean, runningVar, weight, bias }, training);
  const c = x.shape[1];
  return op('batchNorm', { x, weight, bias }, (save, needs) => {
    const xc = channelsInnermost(x);
    const rows = [c === 0 ? 0 : x.numel / c, c];
    const y = emptyLike(xc);
    const scale = weight && contiguous(weight);
    const shift = bias && contiguous(bias);
    const operands = { x: asOperand(xc, rows), weight: scale, bias: shift };
    const recording = needs.x || needs.weight || needs.bias;
    let mean: Tensor;
    let invStd: Tensor;
    if (training) {
      mean = emptyOn(x, [c]);
      invStd = emptyOn(x, [c]);
      run(
        'batchNormTrain',
        operands,
        { y: asOperand(y, rows), saveMean: mean, saveInvStd: invStd, runningMean, runningVar },
        { eps, momentum },
      );
    } else {
      mean = contiguous(runningMean as Tensor);
      const variance = contiguous(runningVar as Tensor);
      run('batchNormEval', { ...operands, mean, variance }, { y: asOperand(y, rows) }, { eps });
      if (!recording) return [y];
      // Copies: the running statistics may move on before backward.
      mean = affine(mean, 1, 0);
      invStd = applyUnary('pow', affine(variance, 1, eps), { exponent: -0.5 });
    }
    const savedX = save(xc);
    const saved = { mean: save(mean), invStd: save(invStd), weight: scale && save(scale) };
    return [
      y,
      (grad) => {
        const gradX = emptyLike(savedX);
        const gradWeight = emptyOn(gradX, [c]);
        const gradBias = emptyOn(gradX, [c]);
        run(
          'batchNormBackward',
          { x: asOperand(savedX, rows), gradY: asOperand(withStrides(grad, gradX.strides), rows), ...saved },
          { gradX: asOperand(gradX, rows), gradWeight, gradBias },
          { training },
        );
        return [gradX, gradWeight, gradBias];
      },
    ];
  });
}

type Params = Pick<BatchNormOptions, 'runningMean' | 'runningVar' | 'weight' | 'bias'>;

function checkShapes(x: Tensor, params: Params, training: boolean): void {
  const op = 'batchNorm';
  requireRank(op, 'x', x, 2, 3, 4);
  const c = x.shape[1];
  for (const [name, t] of Object.entries(params)) {
    if (!t || sameShape(t.shape, [c])) continue;
    throw new ShapeError({
      op,
      expected: `${name} [${c}], one for each channel of x ${formatShape(x.shape)}`,
      found: formatShape(t.shape),
      fix: 'Channels are dimension 1: check the number of features of the layer.',
    });
  }
  const { runningMean, runningVar } = params;
  if (!runningMean !== !runningVar || (!training && !runningMean)) {
    throw new ArgumentError({
      op,
      expected: training
        ? 'runningMean and runningVar, or neither'
        : 'runningMean and runningVar outside of training',
      found: !runningMean && !runningVar ? 'neither' : 'one of them',
      fix: 'Pass both, or { training: true } to use the statistics of the batch.',
    });
  }
  if (!training) return;
  for (const t of [runningMean, runningVar]) {
    if (!t || (t.offset === 0 && (t.strides[0] === 1 || c === 1))) continue;
    throw new ArgumentError({
      op,
      expected: 'running statistics in memory of their own, which training can update in place',
      found: 'a view into a larger tensor',
      fix: 'Use contiguous copies.',
    });
  }
  if (x.numel <= c) {
    throw new ShapeError({
      op,
      expected: 'more than one value per channel when training',
      found: formatShape(x.shape),
      fix: 'One value has no variance: use a larger batch (dropLast in the DataLoader), or eval().',
    });
  }
}
