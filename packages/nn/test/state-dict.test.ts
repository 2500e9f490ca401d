import { extendBackend, ModuleError } from '@octet/backend';
import { getBackend, noGrad, ones, randn, type Tensor, tensor, zeros } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import {
  BatchNorm2d,
  Buffer,
  Embedding,
  Linear,
  Module,
  Parameter,
  ReLU,
  Sequential,
  type StateDict,
  type StateLoader,
  stateKey,
} from '../src';
import { Model } from './models';

test.each([
  ['weight', 'weight'],
  ['runningMean', 'running_mean'],
  ['numBatchesTracked', 'num_batches_tracked'],
  ['weightFakeQuant', 'weight_fake_quant'],
  ['weightIhL0', 'weight_ih_l0'],
  ['layer1', 'layer1'],
  ['fcBN', 'fc_bn'],
  ['Conv2d_1a_3x3', 'Conv2d_1a_3x3'],
  ['activation_post_process_0', 'activation_post_process_0'],
])('the key of %s is %s', (field, key) => {
  expect(stateKey(field)).toBe(key);
});

test('keys are those of PyTorch, in its order', () => {
  expect(Object.keys(new Model().stateDict())).toEqual([
    ...['0', '1'].flatMap((i) => [
      `layers.${i}.0.weight`,
      `layers.${i}.1.weight`,
      `layers.${i}.1.bias`,
      `layers.${i}.1.running_mean`,
      `layers.${i}.1.running_var`,
      `layers.${i}.1.num_batches_tracked`,
    ]),
    'last_linear.weight',
    'last_linear.bias',
  ]);
});

test('entries are detached and share memory', () => {
  const m = new Linear(1, 1);
  const { weight } = m.stateDict();
  noGrad(() => m.weight.fill_(7));
  expect(weight.itemSync()).toBe(7);
  expect(weight.requiresGrad).toBe(false);
});

test('what is shared has all its keys', () => {
  const shared = new Linear(1, 1, { bias: false });
  expect(Object.keys(new Sequential(shared, new ReLU(), shared).stateDict())).toEqual([
    '0.weight',
    '2.weight',
  ]);
});

describe('loadStateDict', () => {
  test('makes one model compute what another does, in place', () => {
    const [a, b] = [new Model(), new Model()];
    a.call(randn([4, 2, 6, 6]));
    const { weight } = b.lastLinear;
    expect(b.loadStateDict(a.stateDict())).toEqual({ missingKeys: [], unexpectedKeys: [] });
    expect(b.lastLinear.weight).toBe(weight);
    const x = randn([2, 2, 6, 6]);
    expect(b.eval().call(x).dataSync()).toEqual(a.eval().call(x).dataSync());
    expect(b.getSubmodule('layers.0.1').buffers()[2].itemSync()).toBe(1);
    noGrad(() => b.lastLinear.weight.fill_(0));
    expect(a.lastLinear.weight.dataSync()).not.toContain(0);
  });

  test('goes across backends and float dtypes', () => {
    const other = extendBackend(getBackend(), { name: 'other', kernels: {} });
    const m = new Linear(2, 1, { bias: false }).to(other);
    m.loadStateDict({ weight: tensor(Float64Array.of(1, 2), [1, 2]) });
    expect(m.weight.dtype).toBe('float32');
    expect(m.weight.dataSync()).toEqual(Float32Array.of(1, 2));
  });

  test('lists everything that is wrong and changes nothing', () => {
    const m = new Model();
    const before = m.lastLinear.weight.dataSync();
    const state: StateDict = {
      ...new Model().stateDict(),
      'head.bias': zeros([1]),
      'last_linear.bias': zeros([4]),
    };
    state['layers.0.1.num_batches_tracked'] = zeros([]);
    delete state['layers.1.0.weight'];
    const load = () => m.loadStateDict(state);
    expect(load).toThrow(ModuleError);
    expect(load).toThrow(
      `loadStateDict: expected a state dict that fits Model, found 4 entries that don't:
  layers.0.1.num_batches_tracked: expected int32, found float32
  last_linear.bias: expected shape [3], found [4]
  layers.1.0.weight: missing
  head.bias: unexpected. Nothing was loaded.`,
    );
    expect(m.lastLinear.weight.dataSync()).toEqual(before);
  });

  test('without strict forgives missing and unexpected entries, not shapes', () => {
    const m = new Linear(2, 2);
    const result = m.loadStateDict({ weight: ones([2, 2]), extra: zeros([1]) }, { strict: false });
    expect(result).toEqual({ missingKeys: ['bias'], unexpectedKeys: ['extra'] });
    expect(m.weight.dataSync()).toEqual(new Float32Array(4).fill(1));
    expect(() => m.loadStateDict({ weight: ones([3, 2]) }, { strict: false })).toThrow(ModuleError);
  });

  test('refuses what is no tensor', () => {
    const state = { weight: [1, 2] } as unknown as StateDict;
    expect(() => new Linear(2, 1, { bias: false }).loadStateDict(state)).toThrow('weight: expected a tensor');
  });
});

describe('buffers', () => {
  class Range extends Module {
    readonly scratch = new Buffer(zeros([1]), { persistent: false });
    minVal = new Buffer(zeros([0]), { anyShape: true });

    forward(x: Tensor) {
      return x;
    }
  }

  test('that are not persistent have no part in it', () => {
    expect(Object.keys(new Range().stateDict())).toEqual(['min_val']);
  });

  test('of any shape are replaced', () => {
    const m = new Range();
    const state = { min_val: tensor([1, 2, 3]) };
    m.loadStateDict(state);
    expect(m.minVal).toBeInstanceOf(Buffer);
    expect(m.minVal.anyShape).toBe(true);
    expect(m.minVal.dataSync()).toEqual(Float32Array.of(1, 2, 3));
    state.min_val.fill_(0);
    expect(m.minVal.dataSync()).toEqual(Float32Array.of(1, 2, 3));
  });

  test('that are quantized take scale and zero point from the entry', () => {
    class Ints extends Module {
      weight = new Buffer(tensor([1, 2]).quantizePerTensor(0.5, 0, 'qint8'));

      forward(x: Tensor) {
        return x;
      }
    }
    const m = new Ints();
    m.loadStateDict({ weight: tensor([4, 8]).quantizePerTensor(0.25, 1, 'qint8') });
    expect(m.weight.qparams).toEqual({ scheme: 'perTensor', scale: 0.25, zeroPoint: 1 });
    expect(m.weight.dequantize().dataSync()).toEqual(Float32Array.of(4, 8));
    expect(() => m.loadStateDict({ weight: tensor([4, 8]) })).toThrow(
      'weight: expected qint8, found float32',
    );
  });
});

describe('a module with state of its own', () => {
  class Scaled extends Module {
    readonly weight = new Parameter(ones([2]));
    scale = 1;
    changes = 0;

    forward(x: Tensor) {
      return x.mul(this.weight).mul(this.scale);
    }

    protected override saveState(save: (key: string, t: Tensor) => void) {
      super.saveState(save);
      save('scale', tensor(this.scale));
    }

    protected override loadState(load: StateLoader) {
      super.loadState(load);
      const scale = load.take('scale');
      if (!scale) return;
      if (scale.itemSync() <= 0) load.reject('scale', 'a number > 0', String(scale.itemSync()));
      load.commit(() => {
        this.scale = scale.itemSync();
      });
    }

    protected override tensorsChanged() {
      this.changes++;
    }
  }

  test('saves and loads it, with what else there is', () => {
    const [a, b] = [new Sequential(new Scaled()), new Sequential(new Scaled())];
    (a.at(0) as Scaled).scale = 3;
    expect(Object.keys(a.stateDict())).toEqual(['0.weight', '0.scale']);
    b.loadStateDict(a.stateDict());
    expect(b.at(0)).toMatchObject({ scale: 3, changes: 1 });
  });

  test('refuses by its own rules, for the whole model', () => {
    const m = new Sequential(new Linear(1, 1, { bias: false }), new Scaled());
    const before = m.stateDict()['0.weight'].itemSync();
    const state = { '0.weight': zeros([1, 1]), '1.weight': zeros([2]), '1.scale': tensor(-1) };
    expect(() => m.loadStateDict(state)).toThrow('1.scale: expected a number > 0, found -1');
    expect(m.at(1)).toMatchObject({ scale: 1, changes: 0 });
    expect(m.stateDict()['0.weight'].itemSync()).toBe(before);
  });
});

describe('what is in several places', () => {
  class Tied extends Module {
    readonly embedding = new Embedding(3, 2);
    readonly out = new Linear(2, 3, { bias: false });
    readonly scale: Buffer = new Buffer(tensor([1]), { anyShape: true });
    readonly norm: Module & { scale?: Buffer } = new ReLU();

    constructor() {
      super();
      this.out.weight = this.embedding.weight;
      this.norm.scale = this.scale;
    }

    forward(x: Tensor) {
      return this.out.call(this.embedding.call(x));
    }
  }
  const state = () => ({
    weight: tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
    scale: tensor([7, 8]),
  });

  test.each([
    ['embedding.weight', 'scale'],
    ['out.weight', 'norm.scale'],
  ])('needs to be there under one name only: %s, %s', (weight, scale) => {
    const m = new Tied();
    const { weight: w, scale: s } = state();
    expect(m.loadStateDict({ [weight]: w, [scale]: s })).toEqual({ missingKeys: [], unexpectedKeys: [] });
    expect(m.out.weight).toBe(m.embedding.weight);
    expect([...m.out.weight.dataSync()]).toEqual([1, 2, 3, 4, 5, 6]);
    // One of any shape is another tensor now, in both places.
    expect([...m.scale.dataSync()]).toEqual([7, 8]);
    expect(m.norm.scale).toBe(m.scale);
  });

  test('is missing if it is there under none of its names', () => {
    const m = new Tied();
    expect(() => m.loadStateDict({ scale: state().scale })).toThrow(
      'embedding.weight: missing\n  out.weight: missing',
    );
    expect(m.loadStateDict({}, { strict: false }).missingKeys).toHaveLength(4);
  });

  test('as a module, with state of its own', () => {
    class Own extends Module {
      own = 1;
      forward(x: Tensor) {
        return x;
      }
      protected override saveState(save: (key: string, t: Tensor) => void) {
        save('own', tensor(this.own));
      }
      protected override loadState(load: StateLoader) {
        const own = load.read('own');
        load.commit(() => {
          if (own) this.own = own[0];
        });
      }
    }
    for (const name of ['0', '1']) {
      const shared = new Own();
      new Sequential(shared, shared).loadStateDict({ [`${name}.own`]: tensor(5) });
      expect(shared.own).toBe(5);
    }
  });
});

test('fields that a state dict cannot tell apart are refused by name, before anything is saved or loaded', () => {
  class Twice extends Module {
    fcOut = new Linear(1, 1);
    fc_out = new Linear(1, 1);
    forward(x: Tensor) {
      return x;
    }
  }
  class Tensors extends Module {
    runMean = new Buffer(tensor(1));
    run_mean = new Parameter(tensor(1));
    forward(x: Tensor) {
      return x;
    }
  }
  const error = { name: 'ModuleError', op: 'stateDict', found: "'fc_out' for 'fcOut' and 'fc_out'" };
  expect(() => new Sequential(new Twice()).stateDict()).toThrow(expect.objectContaining(error));
  expect(() => new Twice().loadStateDict({})).toThrow(expect.objectContaining(error));
  expect(() => new Tensors().stateDict()).toThrow("found 'run_mean' for 'runMean' and 'run_mean'");
});

test('checkpoints of old versions, which count no batches, load strictly', () => {
  const norm = new BatchNorm2d(2);
  const { num_batches_tracked: _, ...old } = norm.stateDict();
  norm.call(ones([1, 2, 2, 2]));
  old.weight = tensor([2, 3]);
  expect(norm.loadStateDict(old)).toEqual({ missingKeys: [], unexpectedKeys: [] });
  expect([...(norm.weight as Tensor).dataSync()]).toEqual([2, 3]);
  expect(norm.numBatchesTracked?.itemSync()).toBe(1);
  const { running_var: __, ...broken } = norm.stateDict();
  expect(() => norm.loadStateDict(broken)).toThrow('running_var: missing');
});

test('a state dict loaded between forward and backward is an error at backward', () => {
  const layer = new Linear(3, 2);
  const y = layer.call(randn([4, 3], { requiresGrad: true })).sum();
  layer.loadStateDict(new Linear(3, 2).stateDict());
  expect(() => y.backward()).toThrow(/weight \[2, 3\] of 'linear' .* 'copy_' has changed it in place/);
});
