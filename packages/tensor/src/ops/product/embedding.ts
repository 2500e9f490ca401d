import { ArgumentError, checkOptions } from '@octet/backend';
import { op } from '../../autograd';
import { asOperand, contiguous, emptyOn, requireFloat, requireRank, requireTensor, run } from '../../kernel';
import type { Tensor } from '../../tensor';
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
  const n = index.numel;
  return op('embedding', { weight }, (save) => {
    const rows = contiguous(index.detach());
    const y = emptyOn(weight, [...index.shape, d]);
    run(
      'embedding',
      { weight: asOperand(contiguous(weight), [v, d]), index: rows },
      { y: asOperand(y, [n, d]) },
      {},
    );
    const saved = save(rows);
    return [
      y,
      (grad) => {
        const gradWeight = emptyOn(grad, shapeWeight);
        run(
          'embeddingBackward',
          { index: saved, gradY: asOperand(contiguous(grad), [n, d]) },
          { gradWeight: asOperand(gradWeight, [v, d]) },
          { paddingIdx: padding },
        );
        return [gradWeight];
      },
    ];
  });
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
