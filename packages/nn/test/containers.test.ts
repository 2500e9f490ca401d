import { manualSeed, randn, tensor, zeros } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import {
  AlphaDropout,
  Conv1d,
  Conv2d,
  ConvTranspose2d,
  FeatureAlphaDropout,
  Linear,
  LSTM,
  MaxPool2d,
  MaxUnpool2d,
  Module,
  ModuleDict,
  Parameter,
  ParameterDict,
  ParameterList,
  summary,
} from '../src';

describe('ModuleDict', () => {
  test('holds modules under keys, which are children and parts of state dicts', () => {
    const dict = new ModuleDict({ conv: new Linear(2, 3), last: new Linear(3, 1, { bias: false }) });
    expect(dict.keys()).toEqual(['conv', 'last']);
    expect(dict.size).toBe(2);
    expect(dict.get('conv').weight.shape).toEqual([3, 2]);
    expect(dict.values().map((m) => m.outFeatures)).toEqual([3, 1]);
    expect([...dict].map(([key]) => key)).toEqual(['conv', 'last']);
    expect(Object.keys(dict.stateDict())).toEqual(['conv.weight', 'conv.bias', 'last.weight']);
    const copy = dict.clone();
    copy.loadStateDict(dict.stateDict());
    expect(copy.get('last')).not.toBe(dict.get('last'));
    expect(dict.update({ more: new Linear(1, 1) }).has('more')).toBe(true);
    expect(dict.delete('more')).toBe(true);
    expect(dict.delete('more')).toBe(false);
    expect(dict.has('keys')).toBe(false);
    dict.clear();
    expect(dict.size).toBe(0);
  });

  test('takes pairs', () => {
    expect(new ModuleDict([['a', new Linear(1, 1)]]).keys()).toEqual(['a']);
  });

  test('refuses what would hide a field, and what is no module', () => {
    const dict = new ModuleDict();
    for (const key of ['forward', 'training', 'get', '', 'a.b'])
      expect(() => dict.set(key, new Linear(1, 1))).toThrow('ModuleDict.set: expected a key without dots');
    expect(() => dict.set('a', 3 as never)).toThrow('expected a module');
    expect(() => dict.get('b')).toThrow("found 'b'");
    expect(() => dict.call()).toThrow('get(key)');
    expect(() => new ModuleDict(3 as never)).toThrow('ModuleDict: expected an object');
  });
});

test('ParameterDict and ParameterList hold parameters, and make them of tensors', () => {
  class Net extends Module<[], number> {
    readonly byName = new ParameterDict({ left: new Parameter(zeros([2])), right: zeros([3]) });
    readonly all = new ParameterList([zeros([1]), new Parameter(zeros([4]), false)]);

    forward(): number {
      return this.all.length + this.byName.size;
    }
  }
  const net = new Net();
  expect(net.call()).toBe(4);
  expect(Object.keys(net.stateDict())).toEqual(['by_name.left', 'by_name.right', 'all.0', 'all.1']);
  expect(net.parameters().map((p) => p.requiresGrad)).toEqual([true, true, true, false]);
  expect(net.all.append(zeros([5])).at(-1).shape).toEqual([5]);
  expect([...net.all].map((p) => p.numel)).toEqual([1, 4, 5]);
  expect(net.byName.get('right')).toBeInstanceOf(Parameter);
  expect(() => net.byName.set('x', 1 as never)).toThrow('ParameterDict: expected a parameter or a tensor');
  expect(() => net.all.at(7)).toThrow('ParameterList.at: expected an index from -3 to 2');
  expect(() => net.all.call()).toThrow('ParameterList');
  expect(() => new ParameterList(1 as never)).toThrow('parameters in an array');
});

describe.each([
  ['AlphaDropout', AlphaDropout, 1],
  ['FeatureAlphaDropout', FeatureAlphaDropout, 16],
] as const)('%s', (_, Type, alike) => {
  test('keeps mean and variance, and drops whole channels of the second', async () => {
    manualSeed(1);
    const x = randn([400, 20, 16]);
    const y = new Type(0.3).call(x);
    expect(Math.abs(await y.mean().item())).toBeLessThan(0.05);
    expect(Math.abs((await y.var().item()) - 1)).toBeLessThan(0.1);
    const values = Array.from(await y.data());
    // What is dropped has one value: a · ALPHA · (p - 1).
    const alpha = 1.7580993408473766;
    const a = 1 / Math.sqrt((alpha * alpha * 0.3 + 1) * 0.7);
    const dropped = values.map((v) => Math.abs(v + a * alpha * 0.7) < 2e-7);
    expect(Math.abs(dropped.filter(Boolean).length / values.length - 0.3)).toBeLessThan(0.02);
    if (alike > 1) expect(dropped.every((d, i) => d === dropped[i - (i % alike)])).toBe(true);
    const kept = dropped.indexOf(false);
    expect(values[kept]).toBeCloseTo(a * (Array.from(x.dataSync())[kept] + alpha * 0.3), 5);
  });

  test('does nothing in evaluation, and refuses what is no share', () => {
    const x = randn([2, 3, 4]);
    expect(new Type().eval().call(x)).toBe(x);
    expect(() => new Type(2)).toThrow('p from 0 to 1');
    expect(
      new Type(1)
        .call(x)
        .dataSync()
        .every((v) => Math.abs(v) === 0),
    ).toBe(true);
  });
});

test('padding by name and mode: what is refused, and how it is printed', () => {
  expect(() => new Conv2d(1, 1, 3, { padding: 'same', stride: 2 })).toThrow(
    "Conv2d: expected stride 1 for padding 'same', found stride [2, 2]",
  );
  expect(() => new Conv1d(1, 1, 3, { padding: 'full' as 'same' })).toThrow('Conv1d: expected padding to be');
  expect(() => new Conv1d(1, 1, 3, { paddingMode: 'edge' as 'zeros' })).toThrow(
    'Conv1d: expected paddingMode',
  );
  expect(() => new ConvTranspose2d(1, 1, 3, { padding: 'same' as never })).toThrow('ConvTranspose2d');
  expect(() => new ConvTranspose2d(1, 1, 3, { paddingMode: 'zeros' } as never)).toThrow('paddingMode');
  expect(String(new Conv2d(1, 2, 3, { padding: 'same', paddingMode: 'circular' }))).toBe(
    'Conv2d(1, 2, kernelSize=[3, 3], stride=[1, 1], padding=same, paddingMode=circular)',
  );
  expect(() => new Conv2d(1, 1, 3, { padding: 2, paddingMode: 'reflect' }).call(zeros([1, 1, 2, 5]))).toThrow(
    'Pad less',
  );
  expect(() => new Conv2d(1, 1, 3, { padding: 'same' }).call(zeros([1, 2, 5]))).toThrow('conv2d');
});

test('pools with indices: what is refused, and how it is printed', () => {
  const pool = new MaxPool2d(2, { returnIndices: true });
  expect(String(pool)).toContain('returnIndices=true');
  const [y, indices] = pool.call(
    tensor([
      [
        [
          [1, 5],
          [3, 2],
        ],
      ],
    ]),
  );
  expect([y.itemSync(), indices.itemSync(), indices.dtype]).toEqual([5, 1, 'int32']);
  const unpool = new MaxUnpool2d(2);
  expect(Array.from(unpool.call(y, indices).dataSync())).toEqual([0, 5, 0, 0]);
  expect(() => unpool.call(y, indices, [4, 2])).toThrow('expected an output of at least 1');
  expect(() => unpool.call(y, zeros([1], { dtype: 'int32' }))).toThrow('expected indices');
});

test('an LSTM with a projection is counted', () => {
  const lstm = new LSTM(6, 8, { projSize: 3, numLayers: 2, bidirectional: true });
  // Each direction: 4 · 8 · (6 + 3) + 3 · 8, then 4 · 8 · (2 · 3 + 3) + 3 · 8.
  expect(lstm.macs([5, 2, 6])).toBe(5 * 2 * 2 * (288 + 24 + 288 + 24));
  expect(summary(lstm as never, [5, 2, 6])).toContain('LSTM');
  expect(String(lstm)).toContain('projSize=3');
  expect(() => new LSTM(6, 8, { projSize: 8 })).toThrow('projSize');
  expect(() => lstm.call(zeros([5, 2, 6]), [zeros([4, 2, 8]), zeros([4, 2, 8])])).toThrow(
    '[4, 2, 3] and [4, 2, 8]',
  );
});
