import { ArgumentError, AutogradError, ModuleError } from '@octet/backend';
import { Linear, Parameter } from '@octet/nn';
import { ones, scope, type Tensor, tensor, zeros } from '@octet/tensor';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Adam, AdamW, SGD } from '../src';

const target = tensor([1, -2, 3]);
const loss = (p: Tensor) => p.sub(target).square().sum();
const param = (values: number[]) => new Parameter(tensor(values));

afterEach(() => {
  vi.restoreAllMocks();
});

describe('find the minimum of a quadratic', () => {
  test.each([
    ['SGD', (p: Tensor) => new SGD([p], { lr: 0.1 })],
    ['SGD with momentum', (p: Tensor) => new SGD([p], { lr: 0.05, momentum: 0.8 })],
    ['SGD with nesterov', (p: Tensor) => new SGD([p], { lr: 0.05, momentum: 0.8, nesterov: true })],
    ['Adam', (p: Tensor) => new Adam([p], { lr: 0.1 })],
    ['Adam with amsgrad', (p: Tensor) => new Adam([p], { lr: 0.1, amsgrad: true })],
    ['AdamW', (p: Tensor) => new AdamW([p], { lr: 0.1, weightDecay: 1e-6 })],
  ])('%s', (_, make) => {
    const p = param([0, 0, 0]);
    const optimizer = make(p);
    for (let i = 0; i < 300; i++) {
      optimizer.zeroGrad();
      loss(p).backward();
      optimizer.step();
    }
    expect(p.isLeaf).toBe(true);
    p.dataSync().forEach((v, i) => {
      expect(v).toBeCloseTo([1, -2, 3][i], 2);
    });
  });
});

test('maximize climbs', () => {
  for (const Optimizer of [SGD, Adam]) {
    const p = param([0]);
    const optimizer = new Optimizer([p], { lr: 0.1, maximize: true });
    p.grad = tensor([2]);
    optimizer.step();
    expect(p.itemSync()).toBeGreaterThan(0);
  }
});

describe('gradients', () => {
  test('without one a parameter stays, with weight decay too', () => {
    const [a, b] = [param([1]), param([1])];
    const optimizer = new SGD([a, b], { lr: 1, weightDecay: 0.5 });
    a.grad = tensor([0]);
    optimizer.step();
    expect([a.itemSync(), b.itemSync()]).toEqual([0.5, 1]);
    optimizer.zeroGrad();
    expect(a.grad).toBeUndefined();
  });

  test('without any the user hears why', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const optimizer = new SGD([param([1])], { lr: 1 });
    optimizer.step();
    optimizer.step();
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0][0]).toMatch(/found no gradient.*after model.to\(\)/);
  });

  test('go to where the parameter lies in memory, and broadcast ones count', () => {
    const values = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const p = new Parameter(values.transpose(0, 1));
    const optimizer = new SGD([p], { lr: 1, momentum: 0.5 });
    for (const _ of [0, 1]) {
      p.grad = tensor([
        [1, 10],
        [2, 20],
        [3, 30],
      ]);
      optimizer.step();
    }
    expect(p.dataSync()).toEqual(Float32Array.of(1 - 2.5, 4 - 25, 2 - 5, 5 - 50, 3 - 7.5, 6 - 75));
    p.grad = undefined;
    p.sum().backward();
    optimizer.step();
    expect(p.grad).toBeDefined();
  });
});

test('state outlives the scope it is made in', () => {
  const p = param([0, 0, 0]);
  const optimizer = new Adam([p], { lr: 0.1, amsgrad: true });
  for (let i = 0; i < 3; i++) {
    optimizer.zeroGrad();
    scope(() => {
      loss(p).backward();
      optimizer.step();
    });
  }
  expect(optimizer.stateDict().state[0].step).toBe(3);
  expect(p.dataSync()[0]).toBeCloseTo(0.3, 1);
});

describe('groups', () => {
  test('have values of their own and the defaults', () => {
    const [a, b, c] = [param([1]), param([1]), param([1])];
    const optimizer = new SGD([{ params: [a] }, { params: [b], lr: 0.5 }], { lr: 0.1, momentum: 0.9 });
    optimizer.addParamGroup({ params: [c], momentum: 0 });
    expect(optimizer.paramGroups.map(({ lr, momentum }) => [lr, momentum])).toEqual([
      [0.1, 0.9],
      [0.5, 0.9],
      [0.1, 0],
    ]);
    for (const p of [a, b, c]) p.grad = ones([1]);
    optimizer.step();
    expect([a, b, c].map((p) => p.itemSync())).toEqual([0.9, 0.5, 0.9].map(Math.fround));
    expect(Object.keys(optimizer.stateDict().state)).toEqual(['0', '1']);
  });

  test('take any iterable', () => {
    const layer = new Linear(2, 1);
    expect(new SGD(new Set(layer.parameters()), { lr: 1 }).paramGroups[0].params).toHaveLength(2);
  });
});

describe('state dicts', () => {
  const run = (optimizer: { step(): void; zeroGrad(): void }, p: Tensor, steps: number) => {
    for (let i = 0; i < steps; i++) {
      optimizer.zeroGrad();
      loss(p).backward();
      optimizer.step();
    }
  };

  test.each([
    ['SGD', (p: Tensor) => new SGD([p], { lr: 0.1, momentum: 0.9 })],
    ['Adam', (p: Tensor) => new Adam([p], { lr: 0.1, amsgrad: true })],
  ])('%s goes on where it stopped', (_, make) => {
    const p = param([0, 0, 0]);
    const first = make(p);
    run(first, p, 3);
    first.paramGroups[0].lr = 0.01;
    const q = new Parameter(tensor(p.dataSync()));
    const second = make(q) as typeof first;
    second.loadStateDict(first.stateDict() as never);
    expect(second.paramGroups[0].lr).toBe(0.01);
    run(first, p, 3);
    run(second, q, 3);
    expect(q.dataSync()).toEqual(p.dataSync());
  });

  test('that don’t fit change nothing', () => {
    const p = param([0, 0, 0]);
    const optimizer = new Adam([p], { lr: 0.1 });
    run(optimizer, p, 1);
    const good = optimizer.stateDict();
    const bad = [
      { ...good, paramGroups: [...good.paramGroups, ...good.paramGroups] },
      { ...good, state: { 0: { ...good.state[0], expAvg: zeros([2]) } } },
      { ...good, state: { 0: { momentumBuffer: zeros([3]) } } },
      { ...good, paramGroups: [{ ...good.paramGroups[0], amsgrad: true }] },
    ];
    for (const state of bad) {
      const target = new Adam([param([0, 0, 0])], { lr: 0.2 });
      expect(() => target.loadStateDict(state)).toThrow(ModuleError);
      expect(target.paramGroups[0].lr).toBe(0.2);
    }
    expect(() => optimizer.loadStateDict(bad[1])).toThrow(
      'Adam.loadStateDict: expected expAvg, expAvgSq, step of shape [3] for parameter 0, found step 1, expAvg [2], expAvgSq [3].',
    );
  });
});

describe('refuse', () => {
  const p = param([1]);
  test.each<[string, () => unknown]>([
    ['a negative rate', () => new SGD([p], { lr: -1 })],
    ['no number', () => new SGD([p], { lr: Number.NaN })],
    ['a negative momentum', () => new SGD([p], { lr: 1, momentum: -1 })],
    ['nesterov without momentum', () => new SGD([p], { lr: 1, nesterov: true })],
    ['nesterov with dampening', () => new SGD([p], { lr: 1, nesterov: true, momentum: 0.9, dampening: 0.1 })],
    ['weight decay', () => new SGD([p], { lr: 1, weightDecay: -1 })],
    ['a beta of 1', () => new Adam([p], { betas: [0.9, 1] })],
    ['eps', () => new AdamW([p], { eps: -1 })],
    ['groups and no group', () => new SGD([{ params: [p] }, 3 as never], { lr: 1 })],
    ['a group’s own', () => new SGD([{ params: [p], lr: -1 }], { lr: 1 })],
  ])('%s', (_, make) => {
    expect(make).toThrow(ArgumentError);
  });

  test.each<[string, () => unknown, RegExp]>([
    ['nothing to learn', () => new SGD([], { lr: 1 }), /at least one parameter/],
    ['an empty group', () => new SGD([{ params: [] }], { lr: 1 }), /at least one parameter/],
    ['what was computed', () => new SGD([p.mul(2)], { lr: 1 }), /found the result of 'mul'/],
    ['integers', () => new SGD([zeros([1], { dtype: 'int32' })], { lr: 1 }), /found int32/],
    ['a view of a part', () => new SGD([zeros([4]).slice(0, 1, 3)], { lr: 1 }), /contiguous/],
    ['a parameter twice', () => new SGD([p, p], { lr: 1 }), /parameter 1 .* already there/],
    ['one of another group', () => new SGD([{ params: [p] }, { params: [p] }], { lr: 1 }), /already there/],
    ['what is no tensor', () => new SGD([{ params: [3 as never] }], { lr: 1 }), /found number/],
    ['no tensor in a plain list', () => new SGD([p, undefined as never], { lr: 1 }), /found undefined/],
    ['a module', () => new SGD(new Linear(1, 1) as never, { lr: 1 }), /at least one parameter/],
    ['a single parameter', () => new SGD(p as never, { lr: 1 }), /at least one parameter/],
    [
      'a group of nothing',
      () => new SGD([{ params: undefined as never }], { lr: 1 }),
      /at least one parameter/,
    ],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(ModuleError);
    expect(make).toThrow(message);
  });
});

describe('a step between forward and backward', () => {
  test.each([
    ['SGD', (p: Tensor[]) => new SGD(p, { lr: 0.1, momentum: 0.9 })],
    ['Adam', (p: Tensor[]) => new Adam(p, { lr: 0.1 })],
    ['AdamW', (p: Tensor[]) => new AdamW(p, { lr: 0.1 })],
  ])('of %s is an error at backward', (_, make) => {
    const layer = new Linear(3, 2);
    const optimizer = make(layer.parameters());
    const x = ones([4, 3], { requiresGrad: true });
    const first = layer.call(x).square().mean();
    const second = layer.call(x).sum();
    first.backward();
    optimizer.step();
    expect(() => second.backward()).toThrow(AutogradError);
    expect(() => layer.call(x).sum().backward()).not.toThrow();
  });

  test('says so', () => {
    const layer = new Linear(3, 2);
    const x = ones([4, 3], { requiresGrad: true });
    const [first, second] = [layer.call(x).sum(), layer.call(x).sum()];
    first.backward();
    new SGD(layer.parameters(), { lr: 0.1 }).step();
    expect(() => second.backward()).toThrow(
      /^backward: expected weight \[2, 3\] of 'linear' as in the forward pass \(version \d\), found version \d: 'sgdStep' has changed it in place\. Call backward\(\) before optimizer\.step\(\), or run forward again after the step\.$/,
    );
  });

  test('passes where nothing that changed was saved: two networks that train in turn', () => {
    const [generator, discriminator] = [new Linear(2, 3), new Linear(3, 1)];
    const [optG, optD] = [generator, discriminator].map((m) => new Adam(m.parameters(), { lr: 0.01 }));
    for (let i = 0; i < 3; i++) {
      const fake = generator.call(ones([4, 2]));
      optD.zeroGrad();
      discriminator
        .call(ones([4, 3]))
        .sub(1)
        .square()
        .mean()
        .backward();
      discriminator.call(fake.detach()).square().mean().backward();
      optD.step();
      optG.zeroGrad();
      discriminator.call(fake).sub(1).square().mean().backward();
      optG.step();
    }
  });

  test('passes while gradients of several batches are added up, and for a shared weight', () => {
    const layer = new Linear(3, 3);
    const optimizer = new SGD(layer.parameters(), { lr: 0.1 });
    for (let i = 0; i < 2; i++) {
      for (let batch = 0; batch < 3; batch++)
        layer
          .call(layer.call(ones([2, 3])))
          .mean()
          .backward();
      optimizer.step();
      optimizer.zeroGrad();
    }
  });
});
