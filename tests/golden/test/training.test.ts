import path from 'node:path';
import { loadPt } from '@octet/formats';
import {
  AveragedModel,
  BatchNorm2d,
  Conv2d,
  clipGradNorm_,
  getEmaAvgFn,
  Linear,
  type Module,
  Sequential,
  type StateDict,
  updateBn,
} from '@octet/nn';
import {
  Adagrad,
  ConstantLR,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  LambdaLR,
  LinearLR,
  MultiplicativeLR,
  NAdam,
  PolynomialLR,
  ReduceLROnPlateau,
  RMSprop,
  type Scheduled,
  SequentialLR,
  SGD,
} from '@octet/optim';
import * as octet from '@octet/tensor';
import { noGrad, Tensor, tensor, zeros } from '@octet/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { camelCase } from '../src/handlers/names';

// PyTorch's own numbers, made by torch/training.py.

interface LossCase {
  fn: string;
  options: Record<string, unknown> & { lengths?: readonly [readonly number[], readonly number[]] };
  inputs: Tensor[];
  targets: Tensor[];
  y: Tensor;
  w: Tensor;
  grads: Tensor[];
}
interface OptimizerCase {
  kind: 'RMSprop' | 'Adagrad' | 'NAdam';
  options: Record<string, unknown>;
  start: StateDict;
  middle: StateDict;
  state: unknown;
  end: StateDict;
}
interface ScheduleCase {
  rates: number[][];
  state: { scheduler: unknown; optimizer: unknown };
  at: number;
  metrics?: number[];
}
interface ClipCase {
  grads: Tensor[];
  most: number;
  norm_type: number;
  total: Tensor;
  clipped: Tensor[];
}
interface AverageCase {
  start: StateDict;
  inputs: Tensor[];
  states: StateDict[];
  after: StateDict;
  settled: StateDict;
}

let file: {
  losses: Record<string, LossCase>;
  optimizers: Record<string, OptimizerCase>;
  schedules: Record<string, ScheduleCase>;
  clipping: ClipCase[];
  averages: Record<string, AverageCase>;
};
beforeAll(async () => {
  file = (await loadPt(path.join(import.meta.dirname, '../torch/training.pt'))) as unknown as typeof file;
});

function expectClose(found: Tensor, expected: Tensor, atol = 1e-6, rtol = 1e-5): void {
  expect(found.shape).toEqual(expected.shape);
  const [a, b] = [found.dataSync(), expected.dataSync()];
  b.forEach((want, i) => {
    if (!Number.isFinite(Number(want))) expect(a[i]).toEqual(want);
    else
      expect(Math.abs(Number(a[i]) - Number(want))).toBeLessThanOrEqual(atol + rtol * Math.abs(Number(want)));
  });
}

const losses = [
  'l1_loss',
  'smooth_l1_loss',
  'huber_loss',
  'binary_cross_entropy',
  'binary_cross_entropy_with_logits',
  'kl_div',
  'cosine_embedding_loss',
  'triplet_margin_loss',
  'ctc_loss',
  'cosine_similarity',
  'pairwise_distance',
];

/** Octet's function of PyTorch's name. */
function lossOf({ fn, options, targets }: LossCase): (...inputs: Tensor[]) => Tensor {
  const { lengths, ...rest } = camelCase(options) as Record<string, unknown> & {
    lengths?: LossCase['options']['lengths'];
  };
  if (fn === 'ctc_loss') {
    const [inputLengths, targetLengths] = lengths ?? [];
    return (x) => octet.ctcLoss(x.logSoftmax(2), targets[0], inputLengths, targetLengths, rest);
  }
  const name = fn.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  const f = (octet as unknown as Record<string, (...args: unknown[]) => Tensor>)[name];
  return (...inputs) => f(...inputs, ...targets, rest);
}

test.each(losses)('%s gives PyTorch’s losses and gradients', (fn) => {
  const cases = Object.entries(file.losses).filter(([, c]) => c.fn === fn);
  expect(cases.length).toBeGreaterThan(0);
  for (const [, c] of cases) {
    const inputs = c.inputs.map((x) => {
      const leaf = x.clone().detach();
      leaf.requiresGrad = true;
      return leaf;
    });
    const y = lossOf(c)(...inputs);
    expectClose(y, c.y, 2e-6, 1e-5);
    y.mul(c.w).sum().backward();
    inputs.forEach((x, i) => {
      expectClose(x.grad as Tensor, c.grads[i], 2e-6, 1e-4);
    });
  }
});

/** A state whose tensors are lists of numbers. */
const plain = (state: object): unknown =>
  JSON.parse(JSON.stringify(state, (_, v) => (v instanceof Tensor ? Array.from(v.dataSync()) : v)));

describe('optimizers', () => {
  const kinds = { RMSprop, Adagrad, NAdam };
  const steps = (model: Linear, optimizer: { step(): void }, first: number, last: number) => {
    for (let i = first; i < last; i++) {
      for (const p of model.parameters()) {
        const values = Array.from({ length: p.numel }, (_, k) => Math.sin(k + 1) * 0.1 * (i + 1));
        p.grad = tensor(Float32Array.from(values), p.shape);
      }
      optimizer.step();
    }
  };

  test.each(Object.keys(kinds))('%s steps as PyTorch’s, and goes on from its state', (kind) => {
    const cases = Object.values(file.optimizers).filter((c) => c.kind === kind);
    expect(cases.length).toBeGreaterThan(1);
    for (const { options, start, middle, state, end } of cases) {
      const model = new Linear(3, 2);
      const make = () =>
        new kinds[kind as keyof typeof kinds](model.parameters(), camelCase(options) as never);
      const check = (expected: StateDict) => {
        for (const [key, value] of Object.entries(model.stateDict()))
          expectClose(value, expected[key], 1e-6, 1e-5);
      };
      model.loadStateDict(start);
      steps(model, make(), 0, 4);
      check(middle);
      model.loadStateDict(middle);
      const resumed = make();
      resumed.loadStateDict(state);
      steps(model, resumed, 4, 7);
      check(end);
      const again = make();
      again.loadStateDict(resumed.stateDict());
      expect(plain(again.stateDict())).toEqual(plain(resumed.stateDict()));
    }
  });
});

describe('schedules', () => {
  type Schedule = { step(metric: number): void; loadStateDict(state: unknown): void; stateDict(): unknown };
  const makers: Record<string, (o: Scheduled) => Schedule> = {
    linear: (o) => new LinearLR(o, { startFactor: 0.25, endFactor: 0.75, totalIters: 4 }),
    constant: (o) => new ConstantLR(o, { factor: 0.5, totalIters: 3 }),
    polynomial: (o) => new PolynomialLR(o, { totalIters: 5, power: 2 }),
    lambda: (o) => new LambdaLR(o, { lrLambda: [(t) => 0.9 ** t, (t) => 1 / (1 + t)] }),
    multiplicative: (o) => new MultiplicativeLR(o, { lrLambda: (t) => (t % 2 ? 0.9 : 0.5) }),
    'warm restarts': (o) => new CosineAnnealingWarmRestarts(o, { t0: 3 }),
    'growing restarts': (o) => new CosineAnnealingWarmRestarts(o, { t0: 2, tMult: 3, etaMin: 0.1 }),
    sequential: (o) =>
      new SequentialLR(o, {
        schedulers: [
          new LinearLR(o, { startFactor: 0.1, endFactor: 1, totalIters: 3 }),
          new ConstantLR(o, { factor: 0.5, totalIters: 2 }),
          new CosineAnnealingLR(o, { tMax: 6 }),
        ],
        milestones: [3, 7],
      }),
    plateau: (o) => new ReduceLROnPlateau(o, { factor: 0.5, patience: 1, cooldown: 1 }),
    'plateau of max, abs': (o) =>
      new ReduceLROnPlateau(o, {
        mode: 'max',
        factor: 0.3,
        patience: 0,
        threshold: 0.1,
        thresholdMode: 'abs',
        minLr: [0.2, 0.01],
      }),
  };
  const optimizerOf = () => new SGD([{ params: [zeros([1])] }, { params: [zeros([1])], lr: 0.5 }], { lr: 1 });

  test.each(Object.entries(makers))(
    '%s has PyTorch’s rates, and goes on from its state and from its own',
    (name, make) => {
      const { rates, state, at, metrics = rates.map(() => 0) } = file.schedules[name];
      const check = (optimizer: SGD, schedule: Schedule, first: number, last: number) => {
        for (let i = first; i < last; i++) {
          optimizer.paramGroups.forEach(({ lr }, g) => {
            expect(lr, `step ${i}`).toBeCloseTo(rates[i][g], 12);
          });
          schedule.step(metrics[i]);
        }
      };
      const optimizer = optimizerOf();
      const schedule = make(optimizer);
      check(optimizer, schedule, 0, at);
      const saved = { scheduler: schedule.stateDict(), optimizer: optimizer.stateDict() };
      check(optimizer, schedule, at, rates.length);
      for (const from of [state, saved]) {
        const other = optimizerOf();
        const resumed = make(other);
        other.loadStateDict(from.optimizer);
        resumed.loadStateDict(from.scheduler);
        check(other, resumed, at, rates.length);
      }
    },
  );
});

test('clipGradNorm_ gives PyTorch’s norms and gradients', () => {
  expect(file.clipping.length).toBe(5);
  for (const { grads, most, norm_type: normType, total, clipped } of file.clipping) {
    const params = [...grads.map((g) => zeros(g.shape)), zeros([2])];
    grads.forEach((g, i) => {
      params[i].grad = g.clone();
    });
    expectClose(clipGradNorm_(params, most, { normType }), total);
    clipped.forEach((g, i) => {
      expectClose(params[i].grad as Tensor, g);
    });
  }
});

describe('AveragedModel', () => {
  test.each([
    ['swa', {}],
    ['ema', { avgFn: getEmaAvgFn(0.9) }],
    ['ema with buffers', { avgFn: getEmaAvgFn(0.9), useBuffers: true }],
  ])('%s has PyTorch’s averages, under its names; updateBn sets its statistics', async (name, options) => {
    const { start, inputs, states, after, settled } = file.averages[name];
    const model: Module = new Sequential(new Conv2d(2, 3, 1), new BatchNorm2d(3));
    model.loadStateDict(start);
    const averaged = new AveragedModel(model, options);
    for (const state of states) {
      model.loadStateDict(state);
      averaged.updateParameters(model);
    }
    const check = (expected: StateDict) => {
      const found = averaged.stateDict();
      expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
      for (const [key, value] of Object.entries(found)) {
        // PyTorch averages this count too, and cuts off its fraction: 1, after 3 batches.
        if (key.endsWith('num_batches_tracked')) expect(value.itemSync()).toBe(3);
        else expectClose(value, expected[key], 1e-6, 1e-5);
      }
    };
    check(after);
    await updateBn(inputs, averaged);
    check(settled);

    const again = new AveragedModel(model, options);
    again.loadStateDict(settled);
    expect(again.nAveraged.itemSync()).toBe(3);
    const x = inputs[0];
    expectClose(
      noGrad(() => again.eval().call(x)),
      noGrad(() => averaged.eval().call(x)),
    );
  });
});
