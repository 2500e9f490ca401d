import { BatchNorm2d, Conv2d, CrossEntropyLoss, Flatten, Linear, ReLU, Sequential } from '@octet/nn';
import { SGD } from '@octet/optim';
import { getBackend, manualSeed, randint, randn, setBackend } from '@octet/tensor';
import { afterAll, describe, expect, it } from 'vitest';
import { createWasmBackend } from '../src';

const megabyte = 2 ** 20;
const before = getBackend();
afterAll(() => setBackend(before));

/** Convolutions of every kind, as in the tutorial's network. */
function network() {
  return new Sequential(
    new Conv2d(3, 32, 3, { stride: 2, padding: 1, bias: false }),
    new BatchNorm2d(32),
    new ReLU(),
    new Conv2d(32, 32, 3, { padding: 1, groups: 32, bias: false }),
    new BatchNorm2d(32),
    new ReLU(),
    new Conv2d(32, 64, 1),
    new ReLU(),
    new Flatten(),
    new Linear(64 * 14 * 14, 10),
  );
}

describe('training', () => {
  it('a plain synchronous loop stays within its memory, with nothing disposed', async () => {
    const backend = await createWasmBackend({ memoryBudget: 64 * megabyte, onFallback: () => {} });
    setBackend(backend);
    manualSeed(1);
    const model = network();
    const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
    const lossOf = new CrossEntropyLoss();
    const x = randn([12, 3, 28, 28]);
    const target = randint(0, 10, [12], { dtype: 'int32' });
    const rss = process.memoryUsage().rss;
    let [loss, most] = [0, 0];
    for (let i = 0; i < 100; i++) {
      optimizer.zeroGrad();
      const l = lossOf.forward(model.forward(x), target);
      l.backward();
      optimizer.step();
      [loss] = l.dataSync();
      most = Math.max(most, process.memoryUsage().rss - rss);
    }
    const { wasmMemory, movedIn } = backend.info();
    expect(loss).toBeLessThan(0.1);
    expect(wasmMemory).toBeLessThanOrEqual(128 * megabyte);
    expect(most).toBeLessThan(400 * megabyte);
    // What left was garbage: nothing had to come back.
    expect(movedIn).toBe(0);
    backend.dispose();
  }, 120_000);
});
