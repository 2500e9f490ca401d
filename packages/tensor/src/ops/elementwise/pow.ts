import { requireType } from '@octet/backend';
import { op } from '../../autograd';
import type { Tensor } from '../../tensor';
import { affine } from './affine';
import { applyUnary } from './elementwise';
import { mul } from './mul';

/** x to the power of a number. */
export function pow(x: Tensor, exponent: number): Tensor {
  requireType('pow', 'exponent', exponent, 'number');
  return op('pow', { x }, (save) => {
    const saved = save(x);
    return [
      applyUnary('pow', x, { exponent }),
      (grad) => {
        // 0 · x^-1 would be NaN at x = 0.
        if (exponent === 0) return [affine(grad, 0, 0)];
        return [mul(grad, affine(applyUnary('pow', saved, { exponent: exponent - 1 }), exponent, 0))];
      },
    ];
  });
}
