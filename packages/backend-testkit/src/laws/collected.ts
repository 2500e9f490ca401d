import { type Backend, hostArray } from '@octet/backend';
import { demand, type Law } from './law';

declare const setTimeout: (run: () => void, ms?: number) => unknown;

const many = 200;
const length = 1000;

const collectGarbage = () => (globalThis as { gc?: () => void }).gc;

/** Collects until `done`, with time in between for finalizers, at most so many times. */
async function collect(gc: () => void, times: number, done = () => false): Promise<void> {
  for (let i = 0; i < times && !done(); i++) {
    gc();
    await new Promise<void>((resolve) => setTimeout(resolve, 10));
  }
}

/** In a function of its own, so that nothing here holds what it makes. */
function allocateMany(backend: Backend, freeing: boolean): void {
  for (let i = 0; i < many; i++) {
    const buffer = backend.allocate(backend.dtypes[0], length);
    if (freeing) backend.free(buffer);
  }
}

export const collected: Law = {
  name: 'buffers that nobody holds give their memory back when they are collected, those that were freed not again',
  lacks(backend) {
    if (!backend.memory) return "the backend has no memory(): leaks can't be seen";
    if (!collectGarbage()) return 'garbage collection is looked at where node runs with --expose-gc';
    return undefined;
  },
  async check(backend) {
    const gc = collectGarbage();
    const { memory } = backend;
    if (!gc || !memory) return;
    const now = () => memory.call(backend);
    const [dtype] = backend.dtypes;
    // What was there before may be collected at any time.
    await collect(gc, 3);
    const before = now();

    allocateMany(backend, false);
    await collect(gc, 30, () => now().buffers <= before.buffers);
    const dropped = now();
    demand(
      dropped.buffers <= before.buffers && dropped.bytes <= before.bytes,
      `memory() was ${JSON.stringify(before)}; with ${many} buffers more, all of them collected, it is ${JSON.stringify(dropped)}`,
    );

    allocateMany(backend, true);
    // In the place of those freed, where a second release would strike.
    const ones = hostArray(dtype, length).fill(1);
    const held = Array.from({ length: many }, () => {
      const buffer = backend.allocate(dtype, length);
      backend.write(buffer, ones);
      return buffer;
    });
    const holding = now();
    await collect(gc, 3);
    const after = now();
    demand(
      after.buffers === holding.buffers && after.bytes === holding.bytes,
      `freed buffers were counted out again when they were collected: memory() was ${JSON.stringify(holding)}, is ${JSON.stringify(after)}`,
    );
    const others = Array.from({ length: many }, () => backend.allocate(dtype, length));
    for (const other of others) backend.write(other, hostArray(dtype, length));
    for (const [i, buffer] of held.entries()) {
      const found = await backend.read(buffer, length);
      demand(
        `${found}` === `${ones}`,
        `buffer ${i} of ${many} changed: its memory was given to another buffer after one that had been freed was collected`,
      );
    }
    for (const buffer of [...held, ...others]) backend.free(buffer);
  },
};
