import { ArgumentError } from '@octet/backend';
import { requireTensor } from '../../kernel';
import { normalizeDim, numel } from '../../layout';
import type { Tensor } from '../../tensor';
import { reshape } from './reshape';

/** The dims startDim … endDim as one. @throws ArgumentError */
export function flatten(x: Tensor, startDim = 0, endDim = -1): Tensor {
  requireTensor('flatten', x);
  if (x.shape.length === 0) return reshape(x, [1]);
  const start = normalizeDim('flatten', startDim, x.shape.length);
  const end = normalizeDim('flatten', endDim, x.shape.length);
  if (start > end) {
    throw new ArgumentError({
      op: 'flatten',
      expected: 'startDim <= endDim',
      found: `${startDim} and ${endDim}`,
      fix: 'Swap them.',
    });
  }
  const middle = numel(x.shape.slice(start, end + 1));
  return reshape(x, [...x.shape.slice(0, start), middle, ...x.shape.slice(end + 1)]);
}
