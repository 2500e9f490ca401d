import type {
  Kernel,
  KernelFn,
  KernelName,
  KernelSpec,
  Kernels,
  KernelTable,
  KernelTensor,
  PrepackingKernel,
} from '@octet/backend';
import type { GpuBuffer } from './buffers';
import type { Gpu } from './gpu';

export type GpuTensor = KernelTensor<GpuBuffer>;

/** A kernel of the contract's form: a function, or `{ prepack, run, free }`. */
export type GpuKernel<N extends KernelName> = Kernel<KernelTable[N], GpuBuffer>;

/** What each file of src/kernels exports: its kernels, made for one device. */
export type KernelFamily<N extends KernelName> = (gpu: Gpu) => { readonly [K in N]: GpuKernel<K> };

/** The number of elements that the shape says; the buffer may be longer. */
export function size(t: { readonly shape: readonly number[] }): number {
  let n = 1;
  for (const d of t.shape) n *= d;
  return n;
}

/** The same kernels; what they take with `gpu.scratch` is freed when a call ends. */
export function bind<T extends Partial<Kernels<GpuBuffer>>>(gpu: Gpu, kernels: T): T {
  const scoped =
    <A extends unknown[], R>(fn: (...args: A) => R) =>
    (...args: A): R =>
      gpu.scoped(() => fn(...args));
  const bound = Object.entries(kernels).map(([name, kernel]) => {
    if (typeof kernel === 'function') return [name, scoped(kernel as KernelFn<KernelSpec, GpuBuffer>)];
    const { prepack, run, free } = kernel as PrepackingKernel<KernelSpec, GpuBuffer>;
    return [name, { prepack: scoped(prepack), run: scoped(run), ...(free ? { free } : {}) }];
  });
  return Object.fromEntries(bound) as T;
}
