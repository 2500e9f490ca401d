import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential } from '@octet/nn';
import { getBackend, noGrad, randn, scope, setBackend, type Tensor } from '@octet/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WebgpuBackend } from '../src';
import { createTestBackend, noGpu } from './adapter';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Collects garbage until finalizers have made it so, for a second at most. */
async function collected(done: () => boolean): Promise<void> {
  for (let i = 0; i < 100 && !done(); i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe.skipIf(noGpu)('memory', () => {
  const before = getBackend();
  let backend: WebgpuBackend;
  beforeEach(async () => {
    backend = await createTestBackend();
    setBackend(backend);
  });
  afterEach(() => {
    setBackend(before);
    backend.dispose();
  });

  it('a thousand forward passes grow nothing, and other batch sizes compile nothing', async () => {
    const model = new Sequential(
      new Conv2d(2, 3, 3),
      new ReLU(),
      new MaxPool2d(2),
      new Flatten(),
      new Linear(3 * 3 * 3, 4),
    ).eval();
    const batches = [1, 2, 3].map((n) => randn([n, 2, 8, 8]));
    const forward = (x: Tensor) => scope(() => noGrad(() => void model.call(x)));
    const state = async () => {
      await backend.sync();
      const { pipelines, bindGroups, constants, gpuBuffers, gpuBytes } = backend.info();
      return { ...backend.memory(), pipelines, bindGroups, constants, gpuBuffers, gpuBytes };
    };
    // What making the model left behind goes first.
    await collected(() => backend.memory().buffers === 7);
    for (let i = 0; i < 30; i++) forward(batches[i % 3]);
    const warm = await state();
    for (let i = 0; i < 1000; i++) forward(batches[i % 3]);
    expect(await state()).toEqual(warm);
    forward(randn([7, 2, 8, 8]));
    expect((await state()).pipelines).toBe(warm.pipelines);
  });

  it('what is forgotten is freed', async () => {
    for (let i = 0; i < 20; i++) backend.allocate('float32', 1000);
    expect(backend.memory()).toEqual({ buffers: 20, bytes: 80_000 });
    await collected(() => backend.memory().buffers === 0);
    expect(backend.memory()).toEqual({ buffers: 0, bytes: 0 });
    expect(backend.info().idleBytes).toBe(backend.info().gpuBytes);
  });

  it('freed buffers are kept for reuse up to idleMemory', async () => {
    const small = await createTestBackend({ idleMemory: 10_000 });
    const buffers = [1000, 1000, 1000].map((n) => small.allocate('float32', n));
    for (const buffer of buffers) small.free(buffer);
    await small.sync();
    expect(small.info()).toMatchObject({ gpuBuffers: 2, gpuBytes: 8192, idleBytes: 8192 });
    small.dispose();
  });
});
