import { ArgumentError, checkOptions } from '@octet/backend';
import { freeHelper, record } from '../autograd';
import { as, dense, emptyOn, freeCopy, requireFloat, requireRank, requireTensor, run } from '../kernel';
import type { Tensor } from '../tensor';
import { requireIndices } from './indices';

export interface EmbeddingOptions {
  /** The row that learns nothing. */
  paddingIdx?: number | undefined;
}

/**
 * Row index[…] of weight [v, d] for every index (int32, any shape) → [..., d].
 * @throws ShapeError, ArgumentError, DTypeError
 */
export function embedding(index: Tensor, weight: Tensor, options: EmbeddingOptions = {}): Tensor {
  const { paddingIdx } = checkOptions('embedding', options, 'paddingIdx');
  requireTensor('embedding', index);
  requireFloat('embedding', weight);
  requireRank('embedding', 'weight', weight, 2);
  const { shape: shapeWeight } = weight;
  const [v, d] = shapeWeight;
  const padding = normalizePadding(paddingIdx, v);
  requireIndices('embedding', 'index', index, v);
  const rows = dense(index.detach());
  const n = index.numel;
  const y = emptyOn(weight, [...index.shape, d]);
  const wd = dense(weight);
  run('embedding', { weight: as(wd, [v, d]), index: rows }, { y: as(y, [n, d]) }, {});
  freeCopy(wd, weight);
  const out = record('embedding', y, { weight }, (grad) => {
    const gradWeight = emptyOn(grad, shapeWeight);
    run(
      'embeddingBackward',
      { index: rows, gradY: as(dense(grad), [n, d]) },
      { gradWeight: as(gradWeight, [v, d]) },
      { paddingIdx: padding },
    );
    return [gradWeight];
  });
  freeHelper(rows, out, index);
  return out;
}

function normalizePadding(paddingIdx: number | undefined, rows: number): number {
  if (paddingIdx === undefined) return -1;
  const i = paddingIdx < 0 ? paddingIdx + rows : paddingIdx;
  if (Number.isInteger(i) && i >= 0 && i < rows) return i;
  throw new ArgumentError({
    op: 'embedding',
    expected: `paddingIdx from ${-rows} to ${rows - 1}`,
    found: String(paddingIdx),
    fix: 'It names a row of the weight.',
  });
}
