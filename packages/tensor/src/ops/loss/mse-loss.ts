import { checkOptions, ShapeError } from '@octet/backend';
import { requireFloat } from '../../kernel';
import { formatShape, sameShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { square } from '../elementwise/square';
import { sub } from '../elementwise/sub';
import { type Reduction, requireReduction } from './nll-loss';
import { reduced } from './reduced';

export interface LossOptions {
  reduction?: Reduction;
}

/** (a - b)², reduced; two tensors of one shape. @throws ShapeError, ArgumentError, DTypeError */
export function mseLoss(a: Tensor, b: Tensor, options: LossOptions = {}): Tensor {
  const { reduction = 'mean' } = checkOptions('mseLoss', options, 'reduction');
  return elementwiseLoss('mseLoss', a, b, reduction, square);
}

/** f(a - b), reduced. PyTorch broadcasts with a warning; that is nearly always a mistake, so it is refused here. */
export function elementwiseLoss(
  op: string,
  a: Tensor,
  b: Tensor,
  reduction: Reduction,
  f: (d: Tensor) => Tensor,
): Tensor {
  requireFloat(op, a, b);
  requireReduction(op, reduction);
  requireSameShape(op, a, b);
  return tidy(() => reduced(f(sub(a, b)), reduction));
}

/** @throws ShapeError unless both have one shape. */
export function requireSameShape(op: string, a: Tensor, b: Tensor): void {
  if (sameShape(a.shape, b.shape)) return;
  throw new ShapeError({
    op,
    expected: `a target of shape ${formatShape(a.shape)}`,
    found: formatShape(b.shape),
    fix: 'Losses do not broadcast: reshape or expand one of them.',
  });
}
