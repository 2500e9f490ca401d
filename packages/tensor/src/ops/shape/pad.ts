import {
  ArgumentError,
  type QuantizedDType,
  quantizeNumber,
  quantRange,
  requireList,
  requireType,
  ShapeError,
} from '@octet/backend';
import { op } from '../../autograd';
import { copy_, fill_ } from '../../in-place';
import { emptyOn, requireTensor } from '../../kernel';
import { formatShape, isDense, memoryOrder, stridesInOrder } from '../../layout';
import { requirePerTensor } from '../../qparams';
import type { Tensor } from '../../tensor';
import { slice } from './slice';

/**
 * x with `value` around it: `pad` lists before and after of the last dim, then of the one before it, and so on, as
 * PyTorch's. Negative amounts cut off.
 * @throws ShapeError, ArgumentError
 */
export function pad(x: Tensor, pad: readonly number[], value = 0): Tensor {
  requireTensor('pad', x);
  requireList('pad', 'pad', pad);
  requireType('pad', 'value', value, 'number');
  const rank = x.shape.length;
  if (pad.length % 2 !== 0 || pad.length > 2 * rank || pad.some((p) => !Number.isInteger(p))) {
    throw new ArgumentError({
      op: 'pad',
      expected: `pairs of whole numbers, at most ${rank}: [before, after] of the last dim, then of the one before it, …`,
      found: `[${pad.join(', ')}]`,
      fix: 'For images: [left, right, top, bottom].',
    });
  }
  const before = x.shape.map((_, d) => pad[2 * (rank - 1 - d)] ?? 0);
  const after = x.shape.map((_, d) => pad[2 * (rank - 1 - d) + 1] ?? 0);
  const shape = x.shape.map((n, d) => n + before[d] + after[d]);
  if (shape.some((n) => n < 0)) {
    throw new ShapeError({
      op: 'pad',
      expected: 'no dim cut below 0',
      found: `${formatShape(x.shape)} with pad [${pad.join(', ')}]`,
      fix: 'Cut off less.',
    });
  }
  const order = isDense(x.shape, x.strides) ? memoryOrder(x.shape, x.strides) : shape.map((_, i) => i);
  const { shape: shapeX } = x;
  // The part of x that stays, and where it lies in the result.
  const inX = (t: Tensor) =>
    shapeX.reduce((v, n, d) => slice(v, d, Math.max(0, -before[d]), n + Math.min(0, after[d])), t);
  const inY = (t: Tensor) =>
    shape.reduce((v, n, d) => slice(v, d, Math.max(0, before[d]), n - Math.max(0, after[d])), t);
  return op('pad', { x }, () => {
    const y = emptyOn(x, shape, { strides: stridesInOrder(shape, order), qparams: x.qparams });
    fill_(y, stored(x, value));
    copy_(inY(y), inX(x));
    return [
      y,
      (grad) => {
        if (pad.every((p) => p >= 0)) return [inY(grad)];
        const whole = fill_(emptyOn(grad, shapeX), 0);
        copy_(inX(whole), inY(grad));
        return [whole];
      },
    ];
  });
}

/** The number as x stores it. */
function stored(x: Tensor, value: number): number {
  if (!x.qparams) return value;
  const { scale, zeroPoint } = requirePerTensor('pad', x.qparams);
  const [min, max] = quantRange[x.dtype as QuantizedDType];
  return Math.min(Math.max(quantizeNumber(value, scale, zeroPoint), min), max);
}
