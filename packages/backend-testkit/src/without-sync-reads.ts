import type { Backend } from '@octet/backend';

/**
 * A stand-in for a backend where reading takes time (WebGPU): `base` without `readSync` and `fallback`, whose `read` gives
 * the elements as they are at the call, but later. For tests that a program, or what a package adds to Octet, gets by
 * without reading at once. Kernels that `base` itself lacks are missing.
 */
export function withoutSyncReads<B>(base: Backend<B>): Backend<B> {
  const later = () => new Promise<void>((resolve) => setTimeout(resolve));
  // Prototype, not spread: storage methods of a class-based backend stay reachable.
  return Object.assign(Object.create(base) as Backend<B>, {
    name: `async-${base.name}`,
    readSync: undefined,
    fallback: undefined,
    async read(buffer: B, length: number) {
      const elements = await base.read(buffer, length);
      await later();
      return elements;
    },
    sync: later,
  });
}
