import {
  bytesPerElement,
  type Kernel,
  type KernelFn,
  type KernelName,
  type KernelSpec,
  type Kernels,
  type KernelTable,
  numel,
  type PrepackingKernel,
} from '@octet/backend';
import type { GpuBuffer, GpuTensor } from './buffers';
import type { Gpu } from './gpu';
import { program } from './program';

// Files of kernels import their types from here.
export type { GpuTensor };

/** A kernel of the contract's form: a function, or `{ prepack, run, free }`. */
export type GpuKernel<N extends KernelName> = Kernel<KernelTable[N], GpuBuffer>;

/** What each file of src/kernels exports: its kernels, made for one device. */
export type KernelFamily<N extends KernelName> = (gpu: Gpu) => { readonly [K in N]: GpuKernel<K> };

/** The number of elements that the shape says; the buffer may be longer. */
export function size(t: { readonly shape: readonly number[] }): number {
  return numel(t.shape);
}

const takeWord = program({
  name: 'the last word, taken',
  inputs: { y: 'u32' },
  outputs: { kept: 'u32' },
  uniforms: { at: 'u32' },
  workgroup: [1],
  main: 'kept[0] = y[u.at];',
});

const restoreBytes = program({
  name: 'bytes past the end, restored',
  inputs: { kept: 'u32' },
  outputs: { y: 'u32' },
  uniforms: { at: 'u32', mask: 'u32' },
  workgroup: [1],
  main: 'y[u.at] = (y[u.at] & ~u.mask) | (kept[0] & u.mask);',
});

/**
 * Runs a kernel, which writes bytes as whole words, and restores the bytes of buffers behind the end of their tensors. Only
 * buffers longer than their tensor have such bytes, which is rare.
 */
export function keepingTails<R>(gpu: Gpu, tensors: object, run: () => R): R {
  const shared = (Object.values(tensors) as (GpuTensor | undefined)[]).flatMap((t) => {
    const n = t ? size(t) : 0;
    if (!t || n % 4 === 0 || n >= t.buffer.length || bytesPerElement(t.dtype) > 1) return [];
    const [y, at, kept] = [t.buffer, Math.floor(n / 4), gpu.scratch(4)];
    gpu.run(takeWord, { y, kept }, { at }, 1);
    return [{ y, at, kept, mask: 2 ** 32 - 2 ** (8 * (n % 4)) }];
  });
  const result = run();
  for (const { y, at, kept, mask } of shared) gpu.run(restoreBytes, { kept, y }, { at, mask }, 1);
  return result;
}

/** The same kernels, for dispatch: scratch buffers are freed when a call ends, and bytes behind the end of a tensor stay. */
export function bind<T extends Partial<Kernels<GpuBuffer>>>(gpu: Gpu, kernels: T): T {
  const scoped =
    <A extends [object, ...unknown[]], R>(fn: (...args: A) => R) =>
    (...args: A): R =>
      gpu.scoped(() => keepingTails(gpu, args[0], () => fn(...args)));
  const bound = Object.entries(kernels).map(([name, kernel]) => {
    if (typeof kernel === 'function') return [name, scoped(kernel as KernelFn<KernelSpec, GpuBuffer>)];
    const { prepack, run, free } = kernel as PrepackingKernel<KernelSpec, GpuBuffer>;
    return [name, { prepack: scoped(prepack), run: scoped(run), ...(free ? { free } : {}) }];
  });
  return Object.fromEntries(bound) as T;
}
