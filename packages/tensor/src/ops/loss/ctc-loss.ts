import { ArgumentError, checkOptions, requireFlag, ShapeError } from '@octet/backend';
import { fromData } from '../../factory';
import { requireFloat, requireRank } from '../../kernel';
import { formatShape } from '../../layout';
import { tidy } from '../../scope';
import { Tensor } from '../../tensor';
import { add } from '../elementwise/add';
import { affine } from '../elementwise/affine';
import { clamp } from '../elementwise/clamp';
import { div } from '../elementwise/div';
import { exp } from '../elementwise/exp';
import { log } from '../elementwise/log';
import { mul } from '../elementwise/mul';
import { neg } from '../elementwise/neg';
import { sub } from '../elementwise/sub';
import { embedding } from '../product/embedding';
import { amax } from '../reduce/amax';
import { mean } from '../reduce/mean';
import { sum } from '../reduce/sum';
import { pad } from '../shape/pad';
import { permute } from '../shape/permute';
import { reshape } from '../shape/reshape';
import { select } from '../shape/select';
import { squeeze } from '../shape/squeeze';
import { stack } from '../shape/stack';
import { unsqueeze } from '../shape/unsqueeze';
import type { LossOptions } from './mse-loss';
import { requireReduction } from './nll-loss';

export interface CtcLossOptions extends LossOptions {
  /** The class that stands between labels. */
  blank?: number;
  /** 0 for examples whose labels don't fit into their steps, which have an infinite loss otherwise. */
  zeroInfinity?: boolean;
}

/** Stands for the logarithm of 0: far below any sum of logarithms, and no infinity, whose differences are NaN. */
const NEVER = -1e30;

/**
 * Connectionist temporal classification (Graves et al., 2006): -ln of the probability that the steps of logProbs [T, N, C] (or [T, C]),
 * logarithms of probabilities, read without repetitions and blanks as the target, summed over all alignments. The mean divides each loss
 * by the number of its labels first, as PyTorch's.
 *
 * `targets` are lists of labels, or int32 [N, S] (or [S]) whose first `targetLengths` count; of `inputLengths` steps each. The labels are
 * read: on a backend that can't be read at once pass lists.
 *
 * The gradient is that of logProbs themselves; PyTorch's takes for granted that they come from a log-softmax, behind which both are the same.
 * @throws ShapeError, DTypeError; ArgumentError for labels or lengths out of range
 */
export function ctcLoss(
  logProbs: Tensor,
  targets: Tensor | readonly (readonly number[])[],
  inputLengths?: readonly number[],
  targetLengths?: readonly number[],
  options: CtcLossOptions = {},
): Tensor {
  const {
    blank = 0,
    zeroInfinity = false,
    reduction = 'mean',
  } = checkOptions('ctcLoss', options, 'blank zeroInfinity reduction');
  requireFlag('ctcLoss', 'zeroInfinity', zeroInfinity);
  requireReduction('ctcLoss', reduction);
  requireFloat('ctcLoss', logProbs);
  requireRank('ctcLoss', 'logProbs', logProbs, 2, 3);
  const batched = logProbs.dim === 3;
  const [steps, examples, classes] = batched ? logProbs.shape : [logProbs.shape[0], 1, logProbs.shape[1]];
  const labels = labelsOf(targets, examples, targetLengths);
  requireRange('blank', [blank], 0, classes - 1);
  for (const list of labels) requireRange('labels', list, 0, classes - 1, blank);
  const lengths = inputLengths ?? labels.map(() => steps);
  requireCount('inputLengths', lengths, examples);
  requireRange('inputLengths', lengths, 1, steps);

  return tidy(() => {
    const dtype = logProbs.dtype === 'float64' ? 'float64' : 'float32';
    const width = 2 * Math.max(0, ...labels.map((list) => list.length)) + 1;
    const constant = (values: number[], shape: number[]) =>
      fromData(values, shape, { dtype, backend: logProbs.backend });
    const each = (value: (list: readonly number[], s: number, n: number) => number) =>
      labels.flatMap((list, n) => Array.from({ length: width }, (_, s) => value(list, s, n)));
    // Blanks stand at even places, labels at odd ones.
    const label = (list: readonly number[], s: number) =>
      s % 2 === 1 ? (list[(s - 1) / 2] ?? blank) : blank;
    const at = (s: number, places: (s: number) => boolean) => (places(s) ? 0 : NEVER);

    // Row n · classes + c of the table has the steps of class c of example n.
    const table = reshape(permute(batched ? logProbs : unsqueeze(logProbs, 1), [1, 2, 0]), [
      examples * classes,
      steps,
    ]);
    const rows = Int32Array.from(each((list, s, n) => n * classes + label(list, s)));
    const index = fromData(rows, [examples, width], { backend: logProbs.backend });
    const emitted = permute(clamp(embedding(index, table), NEVER), [2, 0, 1]);

    const all = [examples, width];
    // Two places at once: onto a label that differs from the last one.
    const skips = constant(
      each((list, s) => at(s, () => s % 2 === 1 && s > 1 && label(list, s) !== label(list, s - 2))),
      all,
    );
    const first = constant(
      each((_, s) => at(s, () => s < 2)),
      all,
    );
    let alpha = add(first, select(emitted, 0, 0));
    for (let t = 1; t < steps; t++) {
      const ways = [alpha];
      if (width > 1) ways.push(shifted(alpha, 1), add(shifted(alpha, 2), skips));
      const next = add(logSumExp(stack(ways), 0), select(emitted, 0, t));
      if (lengths.every((length) => t < length)) alpha = next;
      else {
        const goesOn = lengths.map((length) => (t < length ? 1 : 0));
        const [on, off] = [goesOn, goesOn.map((g) => 1 - g)].map((g) => constant(g, [examples, 1]));
        alpha = add(mul(next, on), mul(alpha, off));
      }
    }
    const last = constant(
      each((list, s) => at(s, () => s === 2 * list.length || s === 2 * list.length - 1)),
      all,
    );
    const losses = neg(logSumExp(add(alpha, last), 1));
    // 1 where there is an alignment, else 0.
    const possible = clamp(affine(losses.detach(), -1, -0.1 * NEVER), 0, 1);
    const finite = zeroInfinity ? mul(losses, possible) : div(losses, possible);
    if (reduction === 'none') return batched ? finite : squeeze(finite, 0);
    if (reduction === 'sum') return sum(finite);
    const counts = labels.map((list) => Math.max(1, list.length));
    return mean(div(finite, constant(counts, [examples])));
  });
}

/** x [N, L] moved to the right by `places`. */
function shifted(x: Tensor, places: number): Tensor {
  return pad(x, [places, -places], NEVER);
}

function logSumExp(x: Tensor, dim: number): Tensor {
  const most = amax(x.detach(), dim, true);
  return add(log(sum(exp(sub(x, most)), dim)), squeeze(most, dim));
}

function labelsOf(
  targets: Tensor | readonly (readonly number[])[],
  examples: number,
  targetLengths: readonly number[] | undefined,
): readonly (readonly number[])[] {
  if (targetLengths) requireCount('targetLengths', targetLengths, examples);
  const wanted = (found: string) =>
    new ShapeError({
      op: 'ctcLoss',
      expected: `labels of ${examples} examples, as lists or as int32 [${examples}, S]`,
      found,
      fix: 'Pad the labels of each example to the longest, and say their targetLengths.',
    });
  let lists: readonly (readonly number[])[];
  if (targets instanceof Tensor) {
    const [n, s] = targets.dim === 1 && examples === 1 ? [1, targets.shape[0]] : targets.shape;
    if (targets.dtype !== 'int32' || targets.dim > 2 || n !== examples || s === undefined)
      throw wanted(`${formatShape(targets.shape)} of ${targets.dtype}`);
    const data = Array.from(targets.dataSync());
    lists = Array.from({ length: n }, (_, i) => data.slice(i * s, (i + 1) * s));
  } else lists = targets;
  if (!Array.isArray(lists) || lists.length !== examples || !lists.every((list) => Array.isArray(list)))
    throw wanted(Array.isArray(lists) ? `${lists.length} lists` : String(lists));
  if (!targetLengths) return lists;
  targetLengths.forEach((length, n) => {
    requireRange('targetLengths', [length], 0, lists[n].length);
  });
  return lists.map((list, n) => list.slice(0, targetLengths[n]));
}

function requireCount(name: string, lengths: readonly number[], examples: number): void {
  if (Array.isArray(lengths) && lengths.length === examples) return;
  throw new ArgumentError({
    op: 'ctcLoss',
    expected: `${name}: a list of ${examples} numbers, one for each example`,
    found: Array.isArray(lengths) ? `${lengths.length} of them` : String(lengths),
    fix: 'Leave it out where all have the same length.',
  });
}

function requireRange(name: string, values: readonly number[], min: number, max: number, but?: number): void {
  const bad = values.find((v) => !(Number.isInteger(v) && v >= min && v <= max && v !== but));
  if (bad === undefined) return;
  throw new ArgumentError({
    op: 'ctcLoss',
    expected: `${name} from ${min} to ${max}${but === undefined ? '' : `, without the blank ${but}`}`,
    found: String(bad),
    fix: 'Check the numbering of the classes and the lengths.',
  });
}
