import { requireNumbers, ShapeError } from '@octet/backend';
import { fromData } from '../../factory';
import { contiguous, requireFloat, requireTensor } from '../../kernel';
import { formatShape } from '../../layout';
import { readTensor } from '../../reading';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { add } from '../elementwise/add';
import { clampMin } from '../elementwise/clamp';
import { div } from '../elementwise/div';
import { maximum, minimum } from '../elementwise/maximum';
import { mul } from '../elementwise/mul';
import { sub } from '../elementwise/sub';
import { select } from '../shape/select';
import { slice } from '../shape/slice';
import { unsqueeze } from '../shape/unsqueeze';

function requireBoxes(op: string, ...tensors: readonly Tensor[]): void {
  requireTensor(op, ...tensors);
  requireFloat(op, ...tensors);
  for (const t of tensors) {
    if (t.shape.length === 2 && t.shape[1] === 4) continue;
    throw new ShapeError({
      op,
      expected: 'boxes [N, 4]: x1, y1, x2, y2',
      found: formatShape(t.shape),
      fix: 'Reshape or convert them.',
    });
  }
}

/**
 * How far boxes overlap, the area of what they share by that of both together: [N, 4], [M, 4] (x1, y1, x2, y2) → [N, M].
 * @throws ShapeError, DTypeError
 */
export function boxIou(a: Tensor, b: Tensor): Tensor {
  requireBoxes('boxIou', a, b);
  return tidy(() => {
    const area = (t: Tensor) =>
      mul(sub(select(t, 1, 2), select(t, 1, 0)), sub(select(t, 1, 3), select(t, 1, 1)));
    const lowest = maximum(unsqueeze(slice(a, 1, 0, 2), 1), slice(b, 1, 0, 2));
    const highest = minimum(unsqueeze(slice(a, 1, 2, 4), 1), slice(b, 1, 2, 4));
    const sides = clampMin(sub(highest, lowest), 0);
    const shared = mul(select(sides, 2, 0), select(sides, 2, 1));
    return div(shared, sub(add(unsqueeze(area(a), 1), area(b)), shared));
  });
}

/**
 * Which of overlapping boxes stay: from the highest score on, those of which none that stays shares more than `iouThreshold`. Their
 * numbers (int32) in the order of scores. Boxes [N, 4] (x1, y1, x2, y2) and scores [N] are read at once.
 * @throws ShapeError, DTypeError, BackendError on a backend that can't be read at once
 */
export function nms(boxes: Tensor, scores: Tensor, iouThreshold: number): Tensor {
  requireBoxes('nms', boxes);
  requireFloat('nms', boxes, scores);
  requireNumbers('nms', { iouThreshold });
  const n = boxes.shape[0];
  if (scores.shape.length !== 1 || scores.shape[0] !== n) {
    throw new ShapeError({
      op: 'nms',
      expected: `a score for each of ${n} boxes`,
      found: formatShape(scores.shape),
      fix: 'Flatten the scores.',
    });
  }
  return tidy(() => {
    const remedy = 'Move boxes and scores to the reference first: await boxes.toAsync(backend).';
    const box = readTensor('nms', contiguous(boxes), remedy);
    const score = readTensor('nms', contiguous(scores), remedy);
    const order = Array.from({ length: n }, (_, i) => i).sort((p, q) => score[q] - score[p] || p - q);
    const areaOf = (i: number) =>
      Math.fround((box[4 * i + 2] - box[4 * i]) * (box[4 * i + 3] - box[4 * i + 1]));
    const kept: number[] = [];
    for (const i of order) {
      const overlaps = kept.some((k) => {
        const width = Math.min(box[4 * i + 2], box[4 * k + 2]) - Math.max(box[4 * i], box[4 * k]);
        const height = Math.min(box[4 * i + 3], box[4 * k + 3]) - Math.max(box[4 * i + 1], box[4 * k + 1]);
        const shared = Math.fround(Math.max(0, width) * Math.max(0, height));
        return Math.fround(shared / (areaOf(i) + areaOf(k) - shared)) > iouThreshold;
      });
      if (!overlaps) kept.push(i);
    }
    return fromData(Int32Array.from(kept), [kept.length], { backend: boxes.backend });
  });
}
