import { DTypeError, mixedBackends, ShapeError } from '@octet/backend';
import { op } from '../../autograd';
import { full } from '../../factory';
import {
  broadcastLayout,
  denseInAnyOrder,
  emptyOn,
  expandTo,
  requireTensor,
  run,
  withStrides,
} from '../../kernel';
import { formatShape, sameShape } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { sumTo } from '../reduce/sum';
import { applyMask } from './mask';
import { isScalar, operandsOf, type Scalar } from './operands';
import { logicalNot, requireAlike } from './relations';

/**
 * condition ? a : b for each element, broadcast. `condition` is bool; a and b are tensors of one dtype, or numbers (two
 * numbers: float32). The gradient goes to the one chosen.
 * @throws ShapeError, DTypeError
 */
export function where(condition: Tensor, a: Tensor | Scalar, b: Tensor | Scalar): Tensor {
  requireMask('where', condition);
  return tidy(() => {
    const [x, y] =
      isScalar(a) && isScalar(b)
        ? [a, b].map((v) => full([], Number(v), { backend: condition.backend }))
        : operandsOf('where', a, b);
    return chosen('where', condition, x, y);
  });
}

/**
 * x with `value` where `mask` (bool, broadcast to x) is true; there the gradient of x is 0.
 * @throws ShapeError, DTypeError
 */
export function maskedFill(x: Tensor, mask: Tensor, value: Scalar): Tensor {
  requireTensor('maskedFill', x);
  requireMask('maskedFill', mask);
  const { shape } = broadcastLayout('maskedFill', x, mask);
  if (!sameShape(shape, x.shape)) {
    throw new ShapeError({
      op: 'maskedFill',
      expected: `a mask that broadcasts to ${formatShape(x.shape)}`,
      found: formatShape(mask.shape),
      fix: 'Expand x first, or use where, which broadcasts both.',
    });
  }
  return tidy(() => {
    const [a, b] = operandsOf('maskedFill', value, x);
    return chosen('maskedFill', mask, a, b);
  });
}

/** @throws ArgumentError, DTypeError unless it is a tensor of bool */
export function requireMask(op: string, mask: Tensor): void {
  requireTensor(op, mask);
  if (mask.dtype === 'bool') return;
  throw new DTypeError({
    op,
    expected: 'a mask of dtype bool',
    found: mask.dtype,
    fix: "Compare, as in x.gt(0), or convert it with to('bool'): all but 0 is true.",
  });
}

/** `where` as a part of the op `name`. */
export function chosen(name: string, mask: Tensor, a: Tensor, b: Tensor): Tensor {
  requireAlike(name, a, b);
  if (mask.backend !== a.backend) throw mixedBackends(name, a.backend, mask.backend);
  return op(name, { a, b }, (save, needs) => {
    const { shape, strides } = broadcastLayout(name, mask, a, b);
    const lying = (t: Tensor) =>
      t.numel === 1 ? denseInAnyOrder(t) : withStrides(expandTo(t, shape), strides);
    const choice = withStrides(expandTo(mask, shape), strides);
    const y = emptyOn(a, shape, { strides });
    run('where', { mask: choice, a: lying(a), b: lying(b) }, { y }, {});
    const [{ shape: shapeA }, { shape: shapeB }] = [a, b];
    const saved = save(choice);
    return [
      y,
      (grad) => [
        needs.a ? sumTo(applyMask(name, grad, saved, 1), shapeA) : undefined,
        needs.b ? sumTo(applyMask(name, grad, logicalNot(saved), 1), shapeB) : undefined,
      ],
    ];
  });
}
