import type { NdArray } from '@octet/backend-testkit/oracle';
import { fromData, kernel, Tensor } from '../../src';
import { contiguousStrides, stridesInOrder } from '../../src/layout';
import { Storage } from '../../src/storage';

/** Ways of lying in memory, each a detached copy of the same tensor. */
export const layouts: Readonly<Record<string, (t: Tensor) => Tensor>> = {
  contiguous: (t) => relaid(t, contiguousStrides(t.shape), 0, t.numel),
  'channels last': (t) => {
    const order = t.shape.map((_, i) => i);
    // For images NHWC; else the dims rotated likewise.
    return dense(t, order.length > 1 ? [order[0], ...order.slice(2), order[1]] : order);
  },
  reversed: (t) => dense(t, t.shape.map((_, i) => i).reverse()),
  /** Every second element of a larger block, from an offset on. */
  sparse: (t) => {
    const strides = contiguousStrides(t.shape.map((d) => d + 1)).map((s) => s * 2);
    return relaid(t, strides, 3, 4 + t.shape.reduce((n, d, i) => n + Math.max(0, d - 1) * strides[i], 0));
  },
};

function dense(t: Tensor, order: readonly number[]): Tensor {
  return relaid(t, stridesInOrder(t.shape, order), 0, t.numel);
}

/** A copy of `t` with these strides; what lies between its elements is NaN or 99. */
function relaid(t: Tensor, strides: readonly number[], offset: number, length: number): Tensor {
  const storage = Storage.allocate(t.backend, t.storage.dtype, length);
  const whole = new Tensor(storage, { shape: [length], strides: [1], offset: 0 }, t.storage.dtype);
  whole.fill_(t.dtype.startsWith('float') ? Number.NaN : 99);
  const y = new Tensor(storage, { shape: t.shape, strides, offset }, t.dtype, t.qparams);
  const source = kernel.contiguous(t.detach());
  kernel.run(
    'copyStrided',
    { x: source },
    { y: kernel.asOperand(y, [length]) },
    { shape: t.shape, xStrides: contiguousStrides(t.shape), xOffset: 0, yStrides: strides, yOffset: offset },
  );
  return y;
}

/** Row-major numbers of a tensor. */
export function list(t: Tensor): number[] {
  return Array.from(t.dataSync());
}

/** float64, the dtype of gradient checks. */
export function f64(data: readonly number[], shape: readonly number[], requiresGrad = false): Tensor {
  return fromData(Float64Array.from(data), shape, { requiresGrad });
}

/** An array of the oracle as a tensor. */
export function tensorOf({ shape, data }: NdArray): Tensor {
  return f64(Array.from(data), shape);
}
