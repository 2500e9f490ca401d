import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { planOf } from '@octet/graph';
import {
  Conv2d,
  CrossEntropyLoss,
  Flatten,
  Linear,
  MaxPool2d,
  type Module,
  ReLU,
  Sequential,
} from '@octet/nn';
import { SGD } from '@octet/optim';
import { convert, getDefaultQConfig, prepare, QuantWrapper } from '@octet/quantization';
import { getBackend, noGrad, randn, scope, setBackend, type Tensor, tensor } from '@octet/tensor';
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

  /** All that could grow, once the GPU has done everything. */
  async function state() {
    await backend.sync();
    const { pipelines, bindGroups, constants, gpuBuffers, gpuBytes } = backend.info();
    return { ...backend.memory(), pipelines, bindGroups, constants, gpuBuffers, gpuBytes };
  }

  const net = () =>
    new Sequential(new Conv2d(2, 3, 3), new ReLU(), new MaxPool2d(2), new Flatten(), new Linear(27, 4));

  const int8 = async () => {
    const model = new QuantWrapper(net()).eval();
    model.qconfig = getDefaultQConfig('qnnpack');
    const prepared = prepare(model);
    noGrad(() => void prepared.call(randn([3, 2, 8, 8])));
    return convert(prepared);
  };

  it.each([
    ['float', async () => net().eval(), 4],
    ['int8', int8, 11],
  ] as const)(
    'a thousand %s passes grow nothing, and other batch sizes compile nothing',
    async (_, make, own) => {
      const model: Module = await make();
      const batches = [1, 2, 3].map((n) => randn([n, 2, 8, 8]));
      const forward = (x: Tensor) => noGrad(() => model.call(x) as Tensor).dispose();
      for (const x of batches) forward(x);
      // What making the model left behind goes first.
      await collected(() => backend.memory().buffers === own + batches.length);
      expect(backend.memory().buffers).toBe(own + batches.length);
      // Buffers take turns, until every way to bind them has been seen.
      for (let i = 0; i < 300; i++) forward(batches[i % 3]);
      const warm = await state();
      for (let i = 0; i < 1000; i++) forward(batches[i % 3]);
      expect(await state()).toEqual(warm);
      forward(randn([7, 2, 8, 8]));
      expect((await state()).pipelines).toBe(warm.pipelines);
    },
  );

  it.each([
    ['float', async () => net().eval(), 4],
    ['int8', int8, 11],
  ] as const)(
    'a thousand runs of a %s plan grow nothing; its dispose gives everything back',
    async (_, make, own) => {
      const model: Module = await make();
      const x = randn([2, 2, 8, 8]);
      await (async () => {
        const plan = planOf(model, [x]);
        const run = () => (plan.run(x) as Tensor).dispose();
        run();
        await collected(() => false);
        const planned = await state();
        for (let i = 0; i < 1000; i++) run();
        expect(await state()).toEqual(planned);
        plan.dispose();
        plan.dispose();
        expect(backend.info().idleBytes).toBeGreaterThan(plan.bytes / 2);
      })();
      await collected(() => backend.memory().buffers === own + 1);
      expect(backend.memory().buffers).toBe(own + 1);
    },
    60_000,
  );

  it('a plan that nobody holds gives its memory back', async () => {
    const model = net().eval();
    const x = randn([2, 2, 8, 8]);
    (() => planOf(model, [x]))();
    await collected(() => backend.memory().buffers === 4 + 1);
    expect(backend.memory().buffers).toBe(4 + 1);
  });

  it('training steps leave their gradients, their loss and the output behind; in a scope nothing', async () => {
    const model = net().train();
    const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const criterion = new CrossEntropyLoss();
    const x = randn([3, 2, 8, 8]);
    const labels = tensor([0, 3, 1], { dtype: 'int32' });
    const step = () => {
      optimizer.zeroGrad();
      const loss = criterion.call(model.call(x), labels);
      loss.backward();
      optimizer.step();
    };
    for (let i = 0; i < 3; i++) scope(step);
    const { buffers } = backend.memory();
    for (let i = 0; i < 50; i++) scope(step);
    expect(backend.memory().buffers).toBe(buffers);
    for (let i = 0; i < 10; i++) step();
    expect(backend.memory().buffers).toBe(buffers + 10 * (4 + 2));
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
