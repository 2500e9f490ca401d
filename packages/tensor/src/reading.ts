import { readSyncOrThrow, ShapeError, type TypedArray } from '@octet/backend';
import { contiguous } from './kernel';
import { formatShape } from './layout';
import { checkRead } from './running-backward';
import { tidy } from './scope';
import type { Tensor } from './tensor';
import { activeWatch } from './watch';

/** A copy of the elements in row-major order; the integers of a quantized tensor, 0 and 1 of a bool one. */
export async function data(x: Tensor): Promise<TypedArray> {
  // A backend's read gives the elements as they are at the call.
  let elements: Promise<TypedArray> | undefined;
  tidy(() => {
    const t = contiguous(x);
    activeWatch()?.read('data', t.storage, false);
    elements = t.backend.read(t.storage.buffer, t.numel);
  });
  return elements as Promise<TypedArray>;
}

/** As `data`, at once. @throws BackendError on a backend that can't (WebGPU): use `await t.data()`. */
export function dataSync(x: Tensor): TypedArray {
  return tidy(() => readTensor('dataSync', contiguous(x), 'Read with await t.data().'));
}

/** The number in a tensor of one element. @throws ShapeError if it has more. */
export async function item(x: Tensor): Promise<number> {
  requireOne('item', x);
  return (await data(x))[0];
}

/** As `item`, at once. */
export function itemSync(x: Tensor): number {
  requireOne('itemSync', x);
  return dataSync(x)[0];
}

function requireOne(op: string, x: Tensor): void {
  if (x.numel === 1) return;
  throw new ShapeError({
    op,
    expected: 'a tensor of one element',
    found: formatShape(x.shape),
    fix: 'Use data() for more.',
  });
}

/** The elements of a dense tensor as they lie. */
export function readTensor(op: string, t: Tensor, fix: string): TypedArray {
  const { backend, storage, numel } = t;
  checkRead('tensor', t);
  activeWatch()?.read(op, storage, true);
  return readSyncOrThrow(op, backend, storage.buffer, numel, fix);
}
