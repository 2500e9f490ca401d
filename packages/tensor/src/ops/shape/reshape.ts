import { DTypeError, requireList, ShapeError } from '@octet/backend';
import { op } from '../../autograd';
import { contiguous, requireTensor, view } from '../../kernel';
import { contiguousStrides, formatShape, numel, sameShape } from '../../layout';
import type { QParams } from '../../qparams';
import type { Tensor } from '../../tensor';

/**
 * The same elements in row-major order under another shape; one size may be -1. A view where the memory allows it.
 * @throws ShapeError if the counts differ, DTypeError if the tensor is quantized per channel.
 */
export function reshape(x: Tensor, shape: readonly number[]): Tensor {
  requireTensor('reshape', x);
  requireList('reshape', 'shape', shape);
  const target = inferShape(x, shape);
  if (sameShape(target, x.shape)) return x;
  if (x.qparams) requireOneScale(x.qparams);
  const { shape: before } = x;
  return op('reshape', { x }, () => {
    const strides = viewStrides(x, target);
    const source = strides ? x : contiguous(x);
    const y = view(source, {
      shape: target,
      strides: strides ?? contiguousStrides(target),
      offset: source.offset,
    });
    return [y, (grad) => [reshape(grad, before)]];
  });
}

function requireOneScale(q: QParams): void {
  if (q.scheme === 'perTensor') return;
  throw new DTypeError({
    op: 'reshape',
    expected: 'a tensor with one scale',
    found: `one quantized per channel (axis ${q.axis})`,
    fix: 'Its channels would no longer be a dimension: dequantize() first, or take the integers with intRepr().',
  });
}

function inferShape(x: Tensor, shape: readonly number[]): number[] {
  const known = numel(shape.filter((d) => d !== -1));
  const free = shape.filter((d) => d === -1).length;
  const target = shape.map((d) => (d === -1 && known > 0 ? x.numel / known : d));
  if (free > 1 || target.some((d) => !Number.isInteger(d) || d < 0) || numel(target) !== x.numel) {
    throw new ShapeError({
      op: 'reshape',
      expected: `a shape of ${x.numel} elements, at most one size -1`,
      found: `${formatShape(shape)} for a tensor of shape ${formatShape(x.shape)}`,
      fix: 'The product of the sizes must stay the same.',
    });
  }
  return target;
}

/** Strides that show `x` under `shape` without a copy, or undefined: each run of new dims must cover one even run of old. */
function viewStrides(x: Tensor, shape: readonly number[]): number[] | undefined {
  const old = x.shape.map((d, i) => ({ size: d, stride: x.strides[i] })).filter((d) => d.size !== 1);
  const strides = new Array<number>(shape.length).fill(1);
  if (x.numel === 0) return contiguousStrides(shape);
  let o = old.length - 1;
  let left = 1; // elements of the current old run not yet given to a new dim
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] === 1) continue;
    if (left === 1) {
      left = old[o].size;
      step = old[o].stride;
      o--;
    }
    while (left % shape[i] !== 0) {
      if (o < 0 || old[o].stride !== step * left) return undefined;
      left *= old[o].size;
      o--;
    }
    strides[i] = step;
    step *= shape[i];
    left /= shape[i];
  }
  return strides;
}
