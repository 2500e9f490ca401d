import { ArgumentError, ModuleError } from '@octet/backend';
import { zeros } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import {
  Adam,
  ConstantLR,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  ExponentialLR,
  LambdaLR,
  LinearLR,
  type LRScheduler,
  MultiStepLR,
  OneCycleLR,
  PolynomialLR,
  ReduceLROnPlateau,
  type Scheduled,
  SequentialLR,
  SGD,
  StepLR,
} from '../src';

const sgd = (momentum = 0) => new SGD([zeros([1])], { lr: 1, momentum });

function rates(scheduler: LRScheduler, steps: number): number[] {
  return Array.from({ length: steps }, () => {
    const [lr] = scheduler.getLastLr();
    scheduler.step();
    return lr;
  });
}

describe('rates from step to step', () => {
  test.each<[string, (o: Scheduled) => LRScheduler, number[]]>([
    ['StepLR', (o) => new StepLR(o, { stepSize: 2, gamma: 0.5 }), [1, 1, 0.5, 0.5, 0.25, 0.25]],
    ['MultiStepLR', (o) => new MultiStepLR(o, { milestones: [1, 3, 3], gamma: 0.5 }), [1, 0.5, 0.5, 0.125]],
    ['ExponentialLR', (o) => new ExponentialLR(o, { gamma: 0.5 }), [1, 0.5, 0.25]],
    [
      'CosineAnnealingLR, down and up again',
      (o) => new CosineAnnealingLR(o, { tMax: 2, etaMin: 0.5 }),
      [1, 0.75, 0.5, 0.75, 1, 0.75, 0.5],
    ],
    [
      'OneCycleLR',
      (o) =>
        new OneCycleLR(o, {
          maxLr: 1,
          epochs: 2,
          stepsPerEpoch: 5,
          pctStart: 0.5,
          annealStrategy: 'linear',
          divFactor: 5,
          finalDivFactor: 2,
          cycleMomentum: false,
        }),
      [0.2, 0.4, 0.6, 0.8, 1, 0.82, 0.64, 0.46, 0.28, 0.1],
    ],
  ])('%s', (_, make, expected) => {
    rates(make(sgd()), expected.length).forEach((lr, i) => {
      expect(lr).toBeCloseTo(expected[i], 12);
    });
  });
});

test('several in a chain multiply', () => {
  const optimizer = sgd();
  const a = new StepLR(optimizer, { stepSize: 2, gamma: 0.1 });
  const b = new ExponentialLR(optimizer, { gamma: 0.5 });
  a.step();
  b.step();
  a.step();
  b.step();
  expect(b.getLastLr()[0]).toBeCloseTo(0.025);
  expect(optimizer.paramGroups[0].initialLr).toBe(1);
});

test('each group keeps its own', () => {
  const optimizer = new SGD([{ params: [zeros([1])] }, { params: [zeros([1])], lr: 0.2 }], { lr: 1 });
  const scheduler = new ExponentialLR(optimizer, { gamma: 0.5 });
  scheduler.step();
  expect(scheduler.getLastLr()).toEqual([0.5, 0.1]);
});

test('state dicts go on where another stopped', () => {
  const optimizer = sgd();
  const first = new CosineAnnealingLR(optimizer, { tMax: 5 });
  first.step();
  first.step();
  const resumed = new SGD([zeros([1])], { lr: 7 });
  const second = new CosineAnnealingLR(resumed, { tMax: 5 });
  resumed.loadStateDict(optimizer.stateDict());
  second.loadStateDict(first.stateDict());
  expect(rates(second, 7)).toEqual(rates(first, 7));
  expect(() => second.loadStateDict({ lastEpoch: 1, baseLrs: [1, 2] })).toThrow(ModuleError);
});

describe('SequentialLR', () => {
  const warmUp = (o: Scheduled) =>
    new SequentialLR(o, {
      schedulers: [
        new LinearLR(o, { startFactor: 0.5, totalIters: 2 }),
        new ExponentialLR(o, { gamma: 0.5 }),
      ],
      milestones: [2],
    });

  test('begins with the first, and each next one at its step 0', () => {
    rates(warmUp(sgd()), 5).forEach((lr, i) => {
      expect(lr).toBeCloseTo([0.5, 0.75, 1, 0.5, 0.25][i], 12);
    });
  });

  test('cycles that follow a warm-up', () => {
    const o = sgd(0.9);
    const cycle = new OneCycleLR(o, { maxLr: 1, totalSteps: 4, pctStart: 0.5, annealStrategy: 'linear' });
    const all = new SequentialLR(o, {
      schedulers: [new ConstantLR(o, { factor: 0.5 }), cycle],
      milestones: [2],
    });
    const [first] = rates(all, 3).slice(2);
    expect(first).toBeCloseTo(1 / 25, 12);
    expect(o.paramGroups[0].momentum).toBeLessThan(0.95);
  });

  test('a state that doesn’t fit changes nothing', () => {
    const o = sgd();
    const schedule = warmUp(o);
    schedule.step();
    const before = schedule.stateDict();
    const [first] = before.schedulers;
    expect(() => schedule.loadStateDict({ ...before, schedulers: [{ ...first, lastEpoch: 0 }, {}] })).toThrow(
      ModuleError,
    );
    expect(schedule.stateDict()).toEqual(before);
    expect(() => schedule.loadStateDict({ lastEpoch: 1, schedulers: [first] })).toThrow('of 2 schedulers');
    expect(() => schedule.loadStateDict({ ...before, _milestones: [7] })).toThrow('_milestones [2]');
  });

  test('refuses schedulers of another optimizer, and milestones that don’t rise', () => {
    const o = sgd();
    const two = [new ExponentialLR(o, { gamma: 0.5 }), new ExponentialLR(o, { gamma: 0.5 })];
    const make = (schedulers: LRScheduler[], milestones: number[]) => () =>
      new SequentialLR(o, { schedulers, milestones });
    expect(make([new ExponentialLR(sgd(), { gamma: 0.5 })], [])).toThrow('schedulers of its own optimizer');
    expect(make(two, [0])).toThrow('1 rising whole milestones');
    expect(make(two, [])).toThrow(ArgumentError);
    expect(make([], [])).toThrow('a list of schedulers');
  });
});

describe('ReduceLROnPlateau', () => {
  test('lowers the rate where the metric stands still, down to minLr', () => {
    const o = sgd();
    const schedule = new ReduceLROnPlateau(o, { patience: 0, factor: 0.5, minLr: 0.3 });
    const seen = [3, 3, 2, 2, 2].map((metric) => {
      schedule.step(metric);
      return schedule.getLastLr()[0];
    });
    expect(seen).toEqual([1, 0.5, 0.5, 0.3, 0.3]);
  });

  test('refuses what is no metric, and states of others', () => {
    const schedule = new ReduceLROnPlateau(sgd());
    expect(() => schedule.step(undefined as never)).toThrow(ArgumentError);
    expect(() => schedule.loadStateDict({ lastEpoch: 1, baseLrs: [1] })).toThrow(ModuleError);
    expect(() => schedule.loadStateDict({ ...schedule.stateDict(), patience: 3 })).toThrow('patience 10');
    expect(() => new ReduceLROnPlateau(sgd(), { minLr: [1, 2] })).toThrow('a number as minLr, or 1');
  });
});

test('restart goes back to step 0', () => {
  const o = sgd();
  const schedule = new ExponentialLR(o, { gamma: 0.5 });
  const before = rates(schedule, 3);
  schedule.restart();
  expect(rates(schedule, 3)).toEqual(before);
});

describe('OneCycleLR', () => {
  test('cycles the momentum of SGD and the first beta of Adam', () => {
    const optimizer = sgd(0.9);
    const scheduler = new OneCycleLR(optimizer, { maxLr: 1, totalSteps: 5, pctStart: 0.4 });
    expect(optimizer.paramGroups[0].momentum).toBe(0.95);
    scheduler.step();
    expect(optimizer.paramGroups[0].momentum).toBeCloseTo(0.85);
    const adam = new Adam([zeros([1])]);
    new OneCycleLR(adam, { maxLr: 1, totalSteps: 5 });
    expect(adam.paramGroups[0].betas).toEqual([0.95, 0.999]);
  });

  test('ends', () => {
    const scheduler = new OneCycleLR(sgd(0.9), { maxLr: 1, totalSteps: 3 });
    for (let i = 0; i < 3; i++) scheduler.step();
    expect(() => scheduler.step()).toThrow(ArgumentError);
  });
});

test.each<[string, () => unknown]>([
  ['stepSize', () => new StepLR(sgd(), { stepSize: 0 })],
  ['tMax', () => new CosineAnnealingLR(sgd(), { tMax: 0 })],
  ['an option of PyTorch’s name', () => new StepLR(sgd(), { step_size: 3 } as never)],
  ['a number for options', () => new StepLR(sgd(), 3 as never)],
  ['no options', () => new ExponentialLR(sgd(), undefined as never)],
  ['gamma as text', () => new ExponentialLR(sgd(), { gamma: '0.5' } as never)],
  ['etaMin by PyTorch’s name', () => new CosineAnnealingLR(sgd(), { tMax: 3, eta_min: 1 } as never)],
  ['one milestone', () => new MultiStepLR(sgd(), { milestones: 3 } as never)],
  ['milestones for options', () => new MultiStepLR(sgd(), [3] as never)],
  ['a rate as text', () => new SGD([zeros([1])], { lr: '0.1' } as never)],
  ['one beta', () => new Adam([zeros([1])], { betas: 0.9 } as never)],
  ['a start factor of 0', () => new LinearLR(sgd(), { startFactor: 0 })],
  ['no iterations', () => new LinearLR(sgd(), { totalIters: 0 })],
  ['a factor above 1', () => new ConstantLR(sgd(), { factor: 2 })],
  ['half an iteration', () => new PolynomialLR(sgd(), { totalIters: 0.5 })],
  ['no function', () => new LambdaLR(sgd(), {} as never)],
  ['too many functions', () => new LambdaLR(sgd(), { lrLambda: [() => 1, () => 1] })],
  ['t0', () => new CosineAnnealingWarmRestarts(sgd(), { t0: 0 })],
  ['tMult', () => new CosineAnnealingWarmRestarts(sgd(), { t0: 1, tMult: 1.5 })],
  ['a factor of 1', () => new ReduceLROnPlateau(sgd(), { factor: 1 })],
  ['a mode', () => new ReduceLROnPlateau(sgd(), { mode: 'least' as 'min' })],
  ['no steps', () => new OneCycleLR(sgd(0.9), { maxLr: 1 })],
  ['pctStart', () => new OneCycleLR(sgd(0.9), { maxLr: 1, totalSteps: 3, pctStart: 2 })],
  ['no momentum to cycle', () => new OneCycleLR(sgd(), { maxLr: 1, totalSteps: 3 })],
])('refuses %s', (_, make) => {
  expect(make).toThrow(ArgumentError);
});

test('schedules refuse what they do not know, and what is no number', () => {
  type Schedule = new (optimizer: Scheduled, options: unknown) => LRScheduler;
  const make = (schedule: unknown, options: unknown) => () => new (schedule as Schedule)(sgd(), options);
  expect(make(StepLR, { stepSize: 1, gama: 0.5 })).toThrow(/StepLR: .*found 'gama'. Did you mean 'gamma'/);
  expect(make(StepLR, { step_size: 1 })).toThrow(/Did you mean 'stepSize'/);
  expect(make(StepLR, 30)).toThrow(/found 30.*write \{ stepSize: … \}/);
  expect(make(MultiStepLR, { milestone: [1] })).toThrow(/Did you mean 'milestones'/);
  expect(make(MultiStepLR, { milestones: 3 })).toThrow(/expected milestones to be an array, found 3/);
  expect(make(ExponentialLR, { gama: 0.9 })).toThrow(/Did you mean 'gamma'/);
  expect(make(ExponentialLR, 0.9)).toThrow(/found 0.9.*write \{ gamma: … \}/);
  expect(make(ExponentialLR, {})).toThrow(/expected gamma to be a number, found undefined/);
  expect(make(CosineAnnealingLR, { T_max: 10 })).toThrow(/Did you mean 'tMax'/);
  expect(make(CosineAnnealingLR, { tMax: 10, etaMin: '0' })).toThrow(/expected etaMin to be a number/);
});

test('optimizers take numbers only', () => {
  const values = (options: object) => () => new Adam([zeros([1])], options);
  expect(values({ lr: '0.1' })).toThrow(ArgumentError);
  expect(values({ betas: 0.9 })).toThrow(/betas in 0 <= β < 1, found 0.9/);
  expect(values({ weightDecay: '0' })).toThrow(ArgumentError);
  expect(() => new SGD([zeros([1])], { lr: '0.1' as unknown as number })).toThrow(/lr >= 0, found 0.1/);
});
