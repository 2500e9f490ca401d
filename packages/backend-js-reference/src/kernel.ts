import type { KernelFn, KernelName, KernelTable, KernelTensor } from '@octet/backend';
import { numel } from '@octet/backend';
import type { HostBuffer } from './host-buffer';

/** A kernel of the reference backend, typed by its line of the table. */
export type RefKernel<N extends KernelName> = KernelFn<KernelTable[N], HostBuffer>;

export type HostTensor = KernelTensor<HostBuffer>;
export type FloatArray = Float32Array | Float64Array;

/** The number of elements that the shape says; the buffer may be longer. */
export function size(t: HostTensor): number {
  return numel(t.shape);
}

/** The elements of a float32 or float64 tensor. */
export function floats(t: HostTensor): FloatArray {
  return t.buffer.data as FloatArray;
}

/** The elements of an int32 tensor. */
export function ints(t: HostTensor): Int32Array {
  return t.buffer.data as Int32Array;
}

/** The elements of a uint8, int8 or bool tensor. */
export function bytes(t: HostTensor): Uint8Array | Int8Array {
  return t.buffer.data as Uint8Array | Int8Array;
}
