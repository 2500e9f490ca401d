import type { Backend } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import {
  BatchNorm2d,
  Conv2d,
  CrossEntropyLoss,
  Flatten,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
} from '@octet/nn';
import { Adam, SGD } from '@octet/optim';
import {
  DeQuantStub,
  fuseModulesQat,
  getDefaultQatQConfig,
  prepareQat,
  QuantStub,
} from '@octet/quantization';
import { getBackend, manualSeed, randn, setBackend, type Tensor, tensor } from '@octet/tensor';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { WebgpuBackend } from '../src';
import { createTestBackend, noGpu } from './adapter';

const before = getBackend();
afterEach(() => setBackend(before));

class Net extends Module {
  readonly quant = new QuantStub();
  readonly layers = new Sequential(
    // A bias would have no gradient but rounding errors, which Adam makes large.
    new Conv2d(3, 6, 3, { padding: 1, bias: false }),
    new BatchNorm2d(6),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(6 * 5 * 4, 5),
  );
  readonly dequant = new DeQuantStub();

  forward(x: Tensor): Tensor {
    return this.dequant.call(this.layers.call(this.quant.call(x)) as Tensor);
  }
}

const optimizers = {
  SGD: (model: Module) => new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 }),
  Adam: (model: Module) => new Adam(model.parameters(), { lr: 0.01 }),
};

/** A few steps of QAT on a backend: the losses, then all that the model holds, and how often something was read before. */
async function train(backend: Backend, optimizer: keyof typeof optimizers) {
  setBackend(backend);
  manualSeed(3);
  const model = new Net().train();
  fuseModulesQat(model.layers, ['0', '1', '2']);
  model.qconfig = getDefaultQatQConfig('qnnpack');
  prepareQat(model);
  const update = optimizers[optimizer](model);
  const criterion = new CrossEntropyLoss();
  const x = randn([7, 3, 10, 8]);
  const labels = tensor([0, 4, 2, 1, 3, 0, 2], { dtype: 'int32' });
  const read = vi.spyOn(backend, 'read');
  const losses: Tensor[] = [];
  for (let i = 0; i < 3; i++) {
    update.zeroGrad();
    const loss = criterion.call(model.call(x), labels);
    loss.backward();
    update.step();
    losses.push(loss);
  }
  const reads = read.mock.calls.length;
  const state = { ...model.stateDict() };
  losses.forEach((loss, i) => {
    state[`loss ${i}`] = loss;
  });
  const found = new Map<string, number[]>();
  for (const [name, t] of Object.entries(state)) found.set(name, [...(await t.data())]);
  expect(read).toHaveBeenCalledTimes(reads + found.size);
  read.mockRestore();
  return { found, reads };
}

describe.skipIf(noGpu)('quantization-aware training', () => {
  let backend: WebgpuBackend;
  beforeAll(async () => {
    backend = await createTestBackend();
  });
  afterAll(() => backend?.dispose());

  test.each(['SGD', 'Adam'] as const)(
    'goes as on the js backend, without reading back: %s',
    async (optimizer) => {
      const expected = await train(referenceBackend, optimizer);
      const { found, reads } = await train(backend, optimizer);
      expect(reads).toBe(0);
      expect([...found.keys()]).toEqual([...expected.found.keys()]);
      // Where a float rounds the other way an activation is off by one step, and what follows with it.
      const tolerance = 1e-3;
      for (const [name, values] of expected.found) {
        const far = values.filter(
          (v, i) => !(Math.abs((found.get(name)?.[i] ?? NaN) - v) <= tolerance * (1 + Math.abs(v))),
        );
        expect(far, name).toEqual([]);
      }
    },
  );
});
