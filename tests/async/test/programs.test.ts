import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Backend } from '@octet/backend';
import { type HostBuffer, referenceBackend } from '@octet/backend-js-reference';
import { withoutSyncReads } from '@octet/backend-testkit';
import { load, save, serializeSafetensors, serializeSafetensorsAsync } from '@octet/formats';
import {
  BatchNorm2d,
  Conv2d,
  CrossEntropyLoss,
  GRU,
  Linear,
  LSTM,
  Module,
  MultiheadAttention,
  ReLU,
  Sequential,
  summary,
} from '@octet/nn';
import { Adam } from '@octet/optim';
import {
  convert,
  defaultObserver,
  disableObserver,
  freezeBnStats,
  getDefaultQatQConfig,
  getDefaultQConfig,
  MinMaxObserver,
  prepare,
  prepareQat,
  QConfig,
  QuantStub,
  QuantWrapper,
  quantizeDynamic,
} from '@octet/quantization';
import { manualSeed, noGrad, rand, randint, randn, setBackend, type Tensor } from '@octet/tensor';
import { DigitClassifier } from '@octet/vision';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';

const later: Backend<HostBuffer> = withoutSyncReads(referenceBackend);
const read = vi.spyOn(later, 'read');

const plainObservers = new QConfig({
  activation: MinMaxObserver.withArgs({ dtype: 'quint8' }),
  weight: defaultObserver.withArgs({ dtype: 'qint8' }),
});

beforeEach(() => void read.mockClear());
afterEach(() => setBackend(referenceBackend));

/** What `program` makes here and on the reference, from the same random numbers. */
async function onBoth<T>(program: () => Promise<T>): Promise<{ async: T; sync: T }> {
  const on = (backend: Backend) => {
    setBackend(backend);
    manualSeed(3);
    return program();
  };
  const sync = await on(referenceBackend);
  return { async: await on(later), sync };
}

async function numbers(t: Tensor): Promise<number[]> {
  return Array.from(await t.data());
}

/** Every number of a model: its checkpoint. */
function bytes(model: Module): Promise<Uint8Array> {
  return serializeSafetensorsAsync(model.stateDict());
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'octet-async-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const digits = () => new DigitClassifier({ width: 0.25 });
const images = (n = 3) => rand([n, 1, 28, 28]);

async function calibrated(engine: 'qnnpack' | 'fbgemm' | 'x86') {
  const model = digits().eval();
  model.fuseModel();
  model.qconfig = getDefaultQConfig(engine);
  const prepared = prepare(model);
  for (let i = 0; i < 3; i++) noGrad(() => prepared.call(images()));
  return { prepared, int8: await convert(prepared) };
}

/** Some steps of training as the digits' program does them; how often each read. */
async function train(model: Module, steps = 3): Promise<{ losses: number[]; reads: number[] }> {
  const optimizer = new Adam(model.parameters(), { lr: 0.01 });
  const criterion = new CrossEntropyLoss();
  const losses: number[] = [];
  const reads: number[] = [];
  const [x, labels] = [images(4), randint(0, 10, [4])];
  for (let i = 0; i < steps; i++) {
    const before = read.mock.calls.length;
    const loss = criterion.call(model.call(x), labels);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    reads.push(read.mock.calls.length - before);
    losses.push(await loss.item());
  }
  return { losses, reads };
}

test('float training, with its loss shown, learns the same', async () => {
  const { async, sync } = await onBoth(() => train(digits()));
  expect(async).toEqual({ losses: sync.losses, reads: [0, 0, 0] });
  expect(async.losses[2]).toBeLessThan(async.losses[0]);
});

test.each(['qnnpack', 'fbgemm', 'x86'] as const)(
  'calibration and conversion by the recipe of %s give the same int8 model',
  async (engine) => {
    const { async, sync } = await onBoth(async () => {
      const { int8 } = await calibrated(engine);
      return { checkpoint: await bytes(int8), output: await numbers(noGrad(() => int8.call(images(2)))) };
    });
    expect(async).toEqual(sync);
  },
);

test('static int8 LSTM and attention are the same', async () => {
  class Net extends Module {
    readonly quant = new QuantStub();
    readonly lstm = new LSTM(4, 6, { bidirectional: true });
    readonly attention = new MultiheadAttention(12, 2, { addBiasKv: true });

    forward(x: Tensor): Tensor {
      const [y] = this.lstm.call(this.quant.call(x));
      return this.attention.call(y, y, y)[0].dequantize();
    }
  }
  const { async, sync } = await onBoth(async () => {
    const model = new Net().eval();
    model.qconfig = getDefaultQConfig('qnnpack');
    const prepared = prepare(model);
    for (let i = 0; i < 2; i++) noGrad(() => prepared.call(randn([5, 2, 4])));
    const int8 = await convert(prepared);
    return {
      checkpoint: await bytes(int8),
      output: await numbers(noGrad(() => int8.call(randn([5, 2, 4])))),
    };
  });
  expect(async).toEqual(sync);
});

describe('training with quantization simulated', () => {
  test.each([
    ['fake quantizers', getDefaultQatQConfig('x86')],
    ['plain observers', plainObservers],
  ])('%s: steps read nothing, and the int8 model is the same', async (_, qconfig) => {
    const { async, sync } = await onBoth(async () => {
      const model = digits().train();
      model.fuseModel();
      model.qconfig = qconfig;
      const prepared = prepareQat(model);
      const trained = await train(prepared);
      const int8 = await convert(prepared.apply(disableObserver).apply(freezeBnStats).eval());
      return {
        ...trained,
        output: await numbers(noGrad(() => int8.call(images(2)))),
        int8: await bytes(int8),
      };
    });
    expect(async).toEqual(sync);
    expect(async.reads).toEqual([0, 0, 0]);
  });
});

test('dynamic quantization, and a summary', async () => {
  class Tagger extends Module {
    readonly lstm = new LSTM(3, 4);
    readonly gru = new GRU(4, 5);
    readonly layers = new Sequential(new Linear(5, 7), new ReLU(), new Linear(7, 2, { bias: false }));

    forward(x: Tensor): Tensor {
      return this.layers.call(this.gru.call(this.lstm.call(x)[0])[0]);
    }
  }
  const { async, sync } = await onBoth(async () => {
    const int8 = await quantizeDynamic(new Tagger());
    const x = randn([4, 1, 3]);
    return { output: await numbers(noGrad(() => int8.call(x))), summary: summary(int8, x) };
  });
  expect(async).toEqual(sync);
});

describe('checkpoints', () => {
  test.each<[string, boolean, () => Promise<Module>]>([
    ['a float model', true, async () => digits().eval()],
    ['a calibrated one', false, async () => (await calibrated('x86')).prepared],
    ['an int8 one', false, async () => (await calibrated('x86')).int8],
  ])('of %s come back', async (_, atOnce, make) => {
    const file = path.join(await temporaryFolder(), 'model.safetensors');
    setBackend(later);
    const [model, other] = [await make(), await make()];
    const [x, before] = [images(2), await bytes(other)];
    await save(model.stateDict(), file);
    const state = await load(file);
    if (!atOnce) {
      expect(() => other.loadStateDict(state)).toThrow('Use await model.loadStateDictAsync(state)');
      expect(await bytes(other)).toEqual(before);
    }
    await (atOnce ? other.loadStateDict(state) : other.loadStateDictAsync(state));
    expect(await bytes(other)).not.toEqual(before);
    expect(await bytes(other)).toEqual(await bytes(model));
    expect(await numbers(noGrad(() => other.call(x)))).toEqual(await numbers(noGrad(() => model.call(x))));
  });

  test('in memory: serializeSafetensorsAsync is serializeSafetensors, which refuses here', async () => {
    const model = digits();
    expect(await bytes(model)).toEqual(serializeSafetensors(model.stateDict()));
    setBackend(later);
    expect(() => serializeSafetensors(digits().stateDict())).toThrow("on backend 'async-js', which can't");
  });

  test('a model elsewhere takes them too', async () => {
    const model = digits();
    const there = await digits().toAsync(later);
    expect(() => model.loadStateDict(there.stateDict())).toThrow('loadStateDictAsync');
    await model.loadStateDictAsync(there.stateDict());
    expect(await bytes(model)).toEqual(await bytes(there));
    expect(model.parameters()[0].backend).toBe(referenceBackend);
    there.loadStateDict(model.stateDict());
  });
});

describe('moving', () => {
  test('a tensor, with its memory format and its gradient', async () => {
    const x = randn([1, 3, 2, 5], { backend: later, requiresGrad: true });
    const image = x.contiguous({ memoryFormat: 'channelsLast' });
    expect(() => image.to(referenceBackend)).toThrow(/Move it with await t\.toAsync\(backend\)/);
    const here = await image.toAsync(referenceBackend);
    expect(here).toMatchObject({ backend: referenceBackend, strides: image.strides });
    expect(here.dataSync()).toEqual(await x.data());
    here.square().sum().backward();
    expect(x.grad?.backend).toBe(later);
    expect(await numbers(x.grad as Tensor)).toEqual(await numbers(x.mul(2)));
    expect(await here.toAsync(referenceBackend)).toBe(here);
  });

  test('a tensor as it is at the call', async () => {
    const x = randn([3], { backend: later });
    const before = await x.data();
    const moving = x.toAsync(referenceBackend);
    x.fill_(7).dispose();
    expect((await moving).dataSync()).toEqual(before);
  });

  test('a quantized tensor between two of these backends', async () => {
    const x = randn([2, 3], { backend: later }).quantizePerTensor(0.1, 3, 'quint8');
    const other = withoutSyncReads(referenceBackend);
    const moved = await x.toAsync(other);
    expect(moved).toMatchObject({ dtype: 'quint8', qparams: x.qparams, backend: other });
    expect(await moved.data()).toEqual(await x.data());
  });

  test('a model, with gradients, and what is shared stays shared', async () => {
    setBackend(later);
    const model = new Sequential(new Linear(3, 3), new BatchNorm2d(2));
    const layer = model.at(0) as Linear;
    model.setSubmodule('1', layer);
    layer
      .call(randn([2, 3]))
      .sum()
      .backward();
    const expected = [await layer.weight.data(), await layer.weight.grad?.data()];
    const weight = layer.weight;
    expect(() => model.to(referenceBackend)).toThrow('toAsync');
    expect(layer.weight).toBe(weight);
    expect(await model.toAsync(referenceBackend)).toBe(model);
    expect([layer.weight.dataSync(), layer.weight.grad?.dataSync()]).toEqual(expected);
    expect(model.at(1)).toBe(layer);
    expect(model.parameters().every(({ backend, isLeaf }) => backend === referenceBackend && isLeaf)).toBe(
      true,
    );
  });

  test.each([
    ['there', referenceBackend, later],
    ['back', later, referenceBackend],
    ['between two of them', later, withoutSyncReads(referenceBackend)],
  ])('an int8 model %s', async (_, from: Backend, to: Backend) => {
    setBackend(from);
    const { int8 } = await calibrated('qnnpack');
    const x = images(2);
    const before = await numbers(noGrad(() => int8.call(x)));
    const moved = await int8.clone().toAsync(to);
    const there = await x.toAsync(to);
    expect(await numbers(noGrad(() => moved.call(there)))).toEqual(before);
  });
});

test('the plain average of batch statistics counts on the host, also after loading', async () => {
  const { async, sync } = await onBoth(async () => {
    const bn = new BatchNorm2d(2, { momentum: null });
    const copy = new BatchNorm2d(2, { momentum: null });
    for (let i = 0; i < 2; i++) bn.call(randn([2, 2, 3, 1]));
    await copy.loadStateDictAsync(bn.stateDict());
    for (const each of [bn, copy]) {
      manualSeed(5);
      each.call(randn([2, 2, 3, 1]));
    }
    expect(await bytes(copy)).toEqual(await bytes(bn));
    return bytes(bn);
  });
  expect(async).toEqual(sync);
});

test('the plain average refuses a count that was changed where nothing can be read', () => {
  setBackend(later);
  const bn = new BatchNorm2d(2, { momentum: null });
  bn.numBatchesTracked?.fill_(7);
  expect(() => bn.call(randn([2, 2, 3, 1]))).toThrow(
    'expected a known number of batches, for momentum is null',
  );
  bn.resetRunningStats();
  bn.call(randn([2, 2, 3, 1]));
});

test('a bias that asks for coarser weights, converted here, moved here and loaded here', async () => {
  const { async: here, sync } = await onBoth(async () => {
    const model = new Sequential(new Conv2d(1, 2, 1), new Conv2d(2, 2, 1));
    noGrad(() => {
      for (const layer of model) {
        const { weight, bias } = layer as Conv2d;
        weight.copy_(randn(weight.shape).mul(1e-6));
        bias?.copy_(randn([2]).mul(50));
      }
    });
    const wrapped = new QuantWrapper(model).eval();
    wrapped.qconfig = getDefaultQConfig('x86');
    const prepared = prepare(wrapped);
    const x = randn([2, 1, 3, 3]);
    noGrad(() => prepared.call(x));
    const int8 = await convert(prepared);
    const loaded = await convert(prepared);
    await loaded.loadStateDictAsync(int8.stateDict());
    return [await numbers(noGrad(() => int8.call(x))), await numbers(noGrad(() => loaded.call(x)))];
  });
  expect(here).toEqual(sync);
  expect(here[1]).toEqual(here[0]);
});
