import { type Clamp, ShapeError } from '@octet/backend';
import { op } from '../../autograd';
import {
  asOperand,
  contiguous,
  emptyOn,
  expandTo,
  type Operand,
  requireFloat,
  run,
  view,
} from '../../kernel';
import { broadcastShapes, contiguousStrides, formatShape, numel, sameStrides } from '../../layout';
import { tidy } from '../../scope';
import type { Tensor } from '../../tensor';
import { type ClampOptions, clampOf } from '../elementwise/clamped';
import { gradientInside } from '../elementwise/elementwise';
import { sumTo } from '../reduce/sum';
import { reshape } from '../shape/reshape';

/**
 * The matrix product by PyTorch's rules: 1-d operands are a row on the left and a column on the right (and that dim is
 * dropped again), more than two dims are batches, which broadcast.
 * @throws ShapeError, DTypeError
 */
export function matmul(a: Tensor, b: Tensor, options?: ClampOptions): Tensor {
  const clamp = clampOf('matmul', options);
  requireFloat('matmul', a, b);
  if (
    a.shape.length === 0 ||
    b.shape.length === 0 ||
    a.shape.at(-1) !== b.shape.at(b.shape.length > 1 ? -2 : -1)
  ) {
    throw new ShapeError({
      op: 'matmul',
      expected: 'a [..., m, k] and b [..., k, n] with the same k',
      found: `${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      fix: 'Transpose one of them; for elementwise products use mul.',
    });
  }
  return op('matmul', { a, b }, (save, needs) => {
    const [matrixA, matrixB] = [asMatrix(a, 0), asMatrix(b, 1)];
    const y = product(matrixA, matrixB, clamp);
    // Where y lies inside the bounds, so did what the clamp took.
    const clamped = save(y, clamp !== undefined);
    const { shape: fullShape } = y;
    const drop = [a.shape.length === 1 ? -2 : 0, b.shape.length === 1 ? -1 : 0];
    const savedA = save(matrixA, needs.b);
    const savedB = save(matrixB, needs.a);
    const [shapeA, shapeB] = [a.shape, b.shape];
    const [fullA, fullB] = [matrixA.shape, matrixB.shape];
    return [
      view(y, { shape: without(y.shape, drop), strides: without(y.strides, drop), offset: 0 }),
      (grad) => {
        const full = reshape(grad, fullShape);
        const gradY = clamped && clamp ? gradientInside(clamped, full, clamp) : full;
        return [
          savedB && reshape(sumTo(product(gradY, swapped(savedB)), fullA), shapeA),
          savedA && reshape(sumProduct(swapped(savedA), gradY, fullB), shapeB),
        ];
      },
    ];
  });
}

/**
 * a [..., m, k] · b [..., k, n] with broadcast batches, row-major, without a gradient. Transposed views go to the kernel
 * as they lie.
 */
export function product(a: Tensor, b: Tensor, clamp?: Clamp): Tensor {
  const batchA = a.shape.slice(0, -2);
  const batchB = b.shape.slice(0, -2);
  const batch = broadcastShapes('matmul', batchA, batchB);
  const [m, k] = a.shape.slice(-2);
  const n = b.shape[b.shape.length - 1];
  const count = numel(batch);
  return tidy(() => {
    const y = emptyOn(a, [...batch, m, n]);
    const left = factor(a, batch);
    const right = factor(b, batch);
    // Rows of all batches against one matrix are one larger product.
    const fold = !left.transposed && numel(batchB) === 1 && numel(batchA) === count;
    const [groups, rows] = fold ? [1, count * m] : [count, m];
    run(
      'matmul',
      { a: fold ? asOperand(left.matrix.tensor, [1, rows, k]) : left.matrix, b: right.matrix },
      { y: asOperand(y, [groups, rows, n]) },
      { transposeA: left.transposed, transposeB: right.transposed, ...(clamp ? { clamp } : {}) },
    );
    return y;
  });
}

/** product(a, b) summed down to `shape`; where b's factor was one matrix, the sum is part of the product. */
function sumProduct(a: Tensor, b: Tensor, shape: readonly number[]): Tensor {
  const batch = b.shape.slice(0, -2);
  if (numel(shape.slice(0, -2)) === 1 && numel(batch) > 1 && numel(a.shape.slice(0, -2)) === numel(batch)) {
    const [k, m] = a.shape.slice(-2);
    const rows = numel(batch) * m;
    const flatA = reshape(swapped(a), [rows, k]);
    return reshape(product(swapped(flatA), reshape(b, [rows, b.shape[b.shape.length - 1]])), shape);
  }
  return sumTo(product(a, b), shape);
}

/** The view with the last two dims swapped. */
export function swapped(t: Tensor): Tensor {
  const swap = (v: readonly number[]) => [...v.slice(0, -2), v[v.length - 1], v[v.length - 2]];
  return view(t, { shape: swap(t.shape), strides: swap(t.strides), offset: t.offset });
}

/** A 1-d tensor as a row (side 0) or column (side 1). */
function asMatrix(t: Tensor, side: 0 | 1): Tensor {
  if (t.shape.length !== 1) return t;
  const [size] = t.shape;
  const [stride] = t.strides;
  return view(t, {
    shape: side === 0 ? [1, size] : [size, 1],
    strides: side === 0 ? [size * stride, stride] : [stride, 1],
    offset: t.offset,
  });
}

/** What the kernel takes: dense [batches or 1, rows, columns], stored transposed if that spares a copy. */
function factor(t: Tensor, batch: readonly number[]): { matrix: Operand; transposed: boolean } {
  const own = numel(t.shape.slice(0, -2));
  const source = own === 1 || own === numel(batch) ? t : expandTo(t, [...batch, ...t.shape.slice(-2)]);
  const count = own === 1 ? 1 : numel(batch);
  const turned = swapped(source);
  const liesTurned = (x: Tensor) =>
    x.offset === 0 && sameStrides(x.shape, x.strides, contiguousStrides(x.shape));
  const transposed = !liesTurned(source) && liesTurned(turned);
  const [r, c] = (transposed ? turned : source).shape.slice(-2);
  return { matrix: asOperand(transposed ? turned : contiguous(source), [count, r, c]), transposed };
}

function without(list: readonly number[], fromEnd: readonly number[]): number[] {
  return list.filter((_, i) => !fromEnd.includes(i - list.length));
}
