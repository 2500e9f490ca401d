import { ArgumentError, checkOptions } from '@octet/backend';
import { emptyOn, requireFloat, requireTensor } from '../../kernel';
import { defaultGenerator, type Generator } from '../../random';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { activeWatch } from '../../watch';
import { applyMask } from './mask';

export interface DropoutOptions {
  training?: boolean;
  generator?: Generator;
}

/**
 * In training each element is 0 with probability p, and divided by 1 - p otherwise; else x itself.
 * @throws ArgumentError unless p is 0 … 1.
 */
export function dropout(x: Tensor, p = 0.5, options: DropoutOptions = {}): Tensor {
  const { training = true, generator = defaultGenerator } = checkOptions(
    'dropout',
    options,
    'training generator',
  );
  requireTensor('dropout', x);
  if (!(p >= 0 && p <= 1)) {
    throw new ArgumentError({
      op: 'dropout',
      expected: 'p from 0 to 1',
      found: String(p),
      fix: 'p is the share of zeros.',
    });
  }
  if (!training || p === 0) return x;
  requireFloat('dropout', x);
  activeWatch()?.random('dropout');
  return tidy(() => {
    const keep = new Uint8Array(x.numel);
    for (let i = 0; i < keep.length; i++) keep[i] = generator.uniform() >= p ? 1 : 0;
    // Row-major, so that the memory format of x makes no difference.
    const mask = emptyOn(x, x.shape, { dtype: 'bool' });
    mask.backend.write(mask.storage.buffer, keep);
    return applyMask('dropout', x, mask, p === 1 ? 0 : 1 / (1 - p));
  });
}
