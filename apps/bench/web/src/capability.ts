import type { BackendName } from '@octet/web/choices';

/** Something that a browser has or lacks, and what it says about it. */
export interface Capability {
  id: 'simd' | 'relaxed' | 'threads' | 'adapter' | 'dot';
  title: string;
  has: boolean;
  detail: string;
  /** A GPU that is made of software. */
  software?: boolean;
  /** The backend that can't do without it. */
  neededBy?: BackendName;
}

/** In the order in which they are shown. */
export const titles: Readonly<Record<Capability['id'], string>> = {
  simd: 'WebAssembly SIMD',
  relaxed: 'Relaxed SIMD',
  threads: 'Threads',
  adapter: 'WebGPU',
  dot: 'WebGPU dot product',
};
