import { ArgumentError } from '@octet/backend';
import { requireTensor } from '../../kernel';
import { normalizeDim } from '../../layout';
import type { Tensor } from '../../tensor';
import { slice } from './slice';

/** Views of x cut along `dim` into at most `chunks` parts of ceil(size / chunks); the last may be smaller. @throws ArgumentError */
export function chunk(x: Tensor, chunks: number, dim = 0): Tensor[] {
  requireTensor('chunk', x);
  const d = normalizeDim('chunk', dim, x.shape.length);
  if (!Number.isInteger(chunks) || chunks < 1) {
    throw new ArgumentError({
      op: 'chunk',
      expected: 'a whole number of chunks >= 1',
      found: String(chunks),
      fix: 'Ask for at least one.',
    });
  }
  const size = x.shape[d];
  const each = Math.max(1, Math.ceil(size / chunks));
  const parts = Math.max(1, Math.ceil(size / each));
  return Array.from({ length: parts }, (_, i) => slice(x, d, i * each, (i + 1) * each));
}
