import type { KernelFn, KernelName, KernelTable, KernelTensor } from '@octet/backend';
import type { HostBuffer } from '@octet/backend-js-reference';
import { build, type NdArray } from './array';

/** A kernel as its formula says, element by element, on arrays of the host. */
export type Definition<N extends KernelName> = KernelFn<KernelTable[N], HostBuffer>;

/** The definitions of some kernels. */
export type Definitions<N extends KernelName> = { readonly [K in N]: Definition<K> };

/** What a tensor of a kernel holds; the last numbers may lie past its end. */
export type HostArray = NdArray<ArrayLike<number>>;

/** The numbers of a tensor of a kernel. */
export function arrayOf({ shape, buffer }: KernelTensor<HostBuffer>): HostArray {
  return { shape, data: buffer.data };
}

/** Makes every element of an output: the one at each index is f(index). */
export function define(y: KernelTensor<HostBuffer>, f: (index: readonly number[]) => number): void {
  y.buffer.data.set(build(y.shape, f).data);
}
