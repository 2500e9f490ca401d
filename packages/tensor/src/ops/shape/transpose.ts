import { requireTensor } from '../../kernel';
import { normalizeDim } from '../../layout';
import type { Tensor } from '../../tensor';
import { permute } from './permute';

/** A view with two dims swapped. @throws ArgumentError for a dim out of range. */
export function transpose(x: Tensor, dim0: number, dim1: number): Tensor {
  requireTensor('transpose', x);
  const a = normalizeDim('transpose', dim0, x.shape.length);
  const b = normalizeDim('transpose', dim1, x.shape.length);
  return permute(
    x,
    x.shape.map((_, i) => (i === a ? b : i === b ? a : i)),
  );
}
