import { ArgumentError, ModuleError } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { manualSeed, randn, type Tensor, tensor, zeros } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import {
  AveragedModel,
  BatchNorm1d,
  clipGradNorm_,
  clipGradValue_,
  getEmaAvgFn,
  Linear,
  type Module,
  Sequential,
  updateBn,
} from '../src';

const withGrads = (...grads: (number[] | undefined)[]) =>
  grads.map((values) => {
    const p = zeros([values?.length ?? 1], { requiresGrad: true });
    if (values) p.grad = tensor(values);
    return p;
  });
const gradsOf = (params: readonly Tensor[]) => params.map(({ grad }) => grad && Array.from(grad.dataSync()));

describe('clipGradNorm_', () => {
  test('scales all gradients by one factor, in place, and leaves small ones alone', () => {
    const params = withGrads([3, 0], undefined, [4]);
    const [{ grad }] = params;
    expect(clipGradNorm_(params, 1).itemSync()).toBe(5);
    expect(params[0].grad).toBe(grad);
    expect(gradsOf(params)).toEqual([[expect.closeTo(0.6, 6), 0], undefined, [expect.closeTo(0.8, 6)]]);
    expect(clipGradNorm_(params, 2).itemSync()).toBeCloseTo(1, 5);
    expect(gradsOf(params)[2]).toEqual([expect.closeTo(0.8, 6)]);
    const [one] = withGrads([2]);
    expect(clipGradNorm_(one, 1).itemSync()).toBe(2);
  });

  test('without gradients the norm is 0', () => {
    expect(clipGradNorm_(withGrads(undefined), 1).itemSync()).toBe(0);
  });

  test('a norm that is not finite: refused before anything changes, or as PyTorch’s', () => {
    const params = withGrads([Number.POSITIVE_INFINITY], [1]);
    expect(() => clipGradNorm_(params, 1, { errorIfNonfinite: true })).toThrow(ArgumentError);
    expect(gradsOf(params)).toEqual([[Number.POSITIVE_INFINITY], [1]]);
    clipGradNorm_(params, 1);
    expect(gradsOf(params)).toEqual([[Number.NaN], [0]]);
  });

  test('refusals', () => {
    expect(() => clipGradNorm_([], -1)).toThrow('clipGradNorm_: expected maxNorm >= 0, found -1');
    expect(() => clipGradNorm_([], 1, { normType: 0 })).toThrow('normType > 0');
    expect(() => clipGradNorm_([], 1, { norm_type: 1 } as object)).toThrow("'normType'");
  });
});

test('clipGradValue_ clamps every element', () => {
  const params = withGrads([3, -0.5, -7], undefined);
  clipGradValue_(params, 1);
  expect(gradsOf(params)).toEqual([[1, -0.5, -1], undefined]);
  expect(() => clipGradValue_(params, Number.NaN)).toThrow('clipValue >= 0');
});

describe('AveragedModel', () => {
  const make = (): Module => new Sequential(new Linear(2, 2), new BatchNorm1d(2));

  test('starts as a copy of its own, in the model’s mode', () => {
    const model = make().eval();
    const averaged = new AveragedModel(model);
    expect(averaged.training).toBe(false);
    expect(averaged.module).not.toBe(model);
    const x = randn([3, 2]);
    expect(averaged.call(x).dataSync()).toEqual(model.call(x).dataSync());
    expect(Object.keys(averaged.stateDict())).toContain('n_averaged');
    expect(Object.keys(averaged.stateDict())).toContain('module.0.weight');
  });

  test('records no gradients, and the model’s parameters stay its own', () => {
    const model = make();
    const averaged = new AveragedModel(model, { avgFn: getEmaAvgFn(0.5) });
    averaged.updateParameters(model);
    const weight = model.parameters()[0];
    weight.detach().fill_(2);
    averaged.updateParameters(model);
    averaged.updateParameters(model);
    const mean = averaged.parameters()[0];
    expect(mean.isLeaf).toBe(true);
    expect(mean.storage).not.toBe(weight.storage);
    expect(averaged.nAveraged.itemSync()).toBe(3);
  });

  test('goes on where nothing can be read at once', async () => {
    const backend = { ...referenceBackend, name: 'async', readSync: undefined };
    const model = make();
    await model.toAsync(backend);
    const averaged = new AveragedModel(model);
    averaged.updateParameters(model);
    model.parameters()[0].detach().fill_(2);
    averaged.updateParameters(model);
    expect(await averaged.nAveraged.item()).toBe(2);
    await averaged.updateParametersAsync(model);
    expect(await averaged.nAveraged.item()).toBe(3);
    averaged.nAveraged.fill_(7);
    expect(() => averaged.updateParameters(model)).toThrow("nAveraged changed on backend 'async'");
  });

  test('refuses another model, before anything changes', () => {
    const averaged = new AveragedModel(make());
    const other: Module = new Sequential(new Linear(2, 3), new BatchNorm1d(3));
    expect(() => averaged.updateParameters(other)).toThrow(ModuleError);
    expect(averaged.nAveraged.itemSync()).toBe(0);
    expect(() => getEmaAvgFn(2)).toThrow('decay from 0 to 1');
    expect(() => new AveragedModel(make(), { avgFn: 0.9 as never })).toThrow('avgFn to be a function');
  });
});

describe('updateBn', () => {
  test('sets the statistics to the means over all batches, and keeps modes and momentum', async () => {
    manualSeed(1);
    const model: Module = new Sequential(new Linear(2, 2), new BatchNorm1d(2)).eval();
    const batches = [randn([8, 2]), randn([8, 2]).add(3)];
    const norm = model.getSubmodule('1') as BatchNorm1d;
    const inner = model.getSubmodule('0') as Linear;
    inner.training = true;
    async function* queue() {
      for (const x of batches) yield [x, 'label'] as [Tensor, string];
    }
    await updateBn(queue(), model);
    const means = batches.map((x) => inner.call(x).mean(0));
    const expected = means[0].add(means[1]).mul(0.5).dataSync();
    norm.runningMean?.dataSync().forEach((v, i) => {
      expect(v).toBeCloseTo(expected[i], 5);
    });
    expect([model.training, inner.training, norm.training, norm.momentum]).toEqual([false, true, false, 0.1]);
  });

  test('leaves all as it was where a batch fails', async () => {
    const model: Module = new Sequential(new Linear(2, 2), new BatchNorm1d(2)).eval();
    await expect(updateBn([randn([3, 3])], model)).rejects.toThrow('linear');
    expect(model.modules().map((m) => m.training)).toEqual([false, false, false]);
    expect((model.getSubmodule('1') as BatchNorm1d).momentum).toBe(0.1);
  });
});
