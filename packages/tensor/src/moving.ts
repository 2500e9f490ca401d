import type { Backend, DType, StorageDType, TypedArray } from '@octet/backend';
import { record } from './autograd';
import { denseInAnyOrder } from './kernel';
import { cast } from './ops/elementwise/cast';
import { readTensor } from './reading';
import { requireBackend, Storage } from './storage';
import { Tensor } from './tensor';
import { activeWatch } from './watch';

/**
 * A copy in another dtype or on another backend; itself, if it is that already. Gradients flow back through it.
 * @throws DTypeError for quantized dtypes, BackendError if the backend it leaves can't be read at once: see `toAsync`
 */
export function to(x: Tensor, target: DType | Backend): Tensor {
  if (typeof target === 'string') return cast(x, target as StorageDType);
  requireBackend('to', target);
  if (target === x.backend) return x;
  const t = denseInAnyOrder(x);
  return moved(x, target, t.strides, readTensor('to', t, 'Move it with await t.toAsync(backend).'));
}

/** As `to(backend)`, also from a backend that can't be read at once (WebGPU). The elements are those at the call. */
export async function toAsync(x: Tensor, backend: Backend): Promise<Tensor> {
  requireBackend('toAsync', backend);
  if (backend === x.backend) return x;
  const t = denseInAnyOrder(x);
  activeWatch()?.read('toAsync', t.storage, false);
  return moved(x, backend, t.strides, await t.backend.read(t.storage.buffer, t.numel));
}

function moved(x: Tensor, backend: Backend, strides: readonly number[], elements: TypedArray): Tensor {
  const storage = Storage.allocate(backend, x.storage.dtype, x.numel);
  backend.write(storage.buffer, elements);
  const y = new Tensor(storage, { shape: x.shape, strides, offset: 0 }, x.dtype, x.qparams);
  const home = x.backend;
  return record('to', y, { x }, (grad) => [to(grad, home)]);
}
