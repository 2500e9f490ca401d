import { Parameter } from '@octet/nn';
import { type Tensor, tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import { Adam, AdamW, CosineAnnealingLR, MultiStepLR, OneCycleLR, SGD, StepLR } from '../src';

const param = () => new Parameter(tensor([1, 2]));
const made = { foreach: null, differentiable: false, fused: null };

/** As torch 2.13's, read by `parsePt`: dicts whose keys are numbers are Maps. */
const sgd = () => ({
  state: new Map([[0, { momentum_buffer: tensor([0.5, 1]) }]]),
  param_groups: [
    {
      ...{
        lr: 0.25,
        momentum: 0.5,
        dampening: 0,
        weight_decay: 0.125,
        nesterov: true,
        maximize: false,
        ...made,
      },
      ...{ initial_lr: 1, params: [0] },
    },
  ],
});
const adam = (decoupled = false) => ({
  state: { 0: { step: tensor(2), exp_avg: tensor([0.5, 1]), exp_avg_sq: tensor([2, 4]) } },
  param_groups: [
    {
      ...{
        lr: tensor(0.25),
        betas: [0.5, 0.75],
        eps: 0.125,
        weight_decay: 0.5,
        amsgrad: false,
        maximize: false,
      },
      ...{ ...made, capturable: false, decoupled_weight_decay: decoupled, params: [0] },
    },
  ],
});

describe('an optimizer takes the state of PyTorch’s', () => {
  test('SGD', () => {
    const optimizer = new SGD([param()], { lr: 9, momentum: 0.9 });
    optimizer.loadStateDict(sgd());
    const { state, paramGroups } = optimizer.stateDict();
    const values = {
      lr: 0.25,
      momentum: 0.5,
      dampening: 0,
      weightDecay: 0.125,
      nesterov: true,
      maximize: false,
    };
    expect(paramGroups).toEqual([{ ...values, initialLr: 1, params: [0] }]);
    expect([...(state[0].momentumBuffer as Tensor).dataSync()]).toEqual([0.5, 1]);
  });

  test.each([
    ['Adam', Adam, false],
    ['AdamW', AdamW, true],
  ])('%s', async (_, Kind, decoupled) => {
    for (const load of ['loadStateDict', 'loadStateDictAsync'] as const) {
      const optimizer = new Kind([param()]);
      await optimizer[load](adam(decoupled));
      const { state, paramGroups } = optimizer.stateDict();
      const values = {
        lr: 0.25,
        betas: [0.5, 0.75],
        eps: 0.125,
        weightDecay: 0.5,
        amsgrad: false,
        maximize: false,
      };
      expect(paramGroups).toEqual([{ ...values, params: [0] }]);
      expect(state[0]).toMatchObject({ step: 2 });
      expect([...(state[0].expAvgSq as Tensor).dataSync()]).toEqual([2, 4]);
    }
  });

  test('of older versions: a step that is a number, a momentum of None, values that did not exist yet', () => {
    const optimizer = new SGD([param()], { lr: 9 });
    optimizer.loadStateDict({
      state: { 0: { momentum_buffer: null } },
      param_groups: [{ lr: 0.5, momentum: 0, dampening: 0, weight_decay: 0, nesterov: false, params: [0] }],
    });
    expect(optimizer.paramGroups[0]).toMatchObject({ lr: 0.5, maximize: false });
    const saved = adam();
    saved.state[0].step = 7 as never;
    const other = new Adam([param()]);
    other.loadStateDict(saved);
    expect(other.stateDict().state[0].step).toBe(7);
  });
});

const group = (change: object) => ({ ...sgd(), param_groups: [{ ...sgd().param_groups[0], ...change }] });
const state = (change: object) => ({ ...sgd(), state: { 0: change } });

test.each<[string, unknown, RegExp]>([
  ['nothing', undefined, /an object with state and paramGroups \(or param_groups\), found undefined/],
  ['null', null, /found null/],
  ['a list', [], /found a list/],
  ['a tensor', tensor([1]), /found \[1\]/],
  ['no groups', { state: {} }, /paramGroups: undefined/],
  ['groups that are no list', { state: {}, param_groups: {} }, /paramGroups: an object/],
  ['no state', { param_groups: [] }, /state: undefined/],
  [
    'too many groups',
    { ...sgd(), param_groups: [...sgd().param_groups, ...sgd().param_groups] },
    /\[1\].*\[1, 1\]/,
  ],
  ['a group that is a number', { state: {}, param_groups: [3] }, /group 0 with params.*found 3/],
  ['parameters by name', group({ params: ['w'] }), /whole numbers, found a list/],
  ['too many parameters', group({ params: [0, 1] }), /groups of \[1\] parameters, found \[2\]/],
  ['a rate of text', group({ lr: 'fast' }), /lr of group 0 as in 9, found fast/],
  ['a rate that is a matrix', group({ lr: tensor([1, 2]) }), /lr of group 0.*found \[2\]/],
  ['a rate that is NaN', group({ lr: Number.NaN }), /lr of group 0/],
  ['a negative rate', group({ lr: -1 }), /lr >= 0/],
  ['a switch that is a number', group({ nesterov: 1 }), /nesterov of group 0/],
  ['AdamW’s', group({ decoupled_weight_decay: true }), /decoupled_weight_decay/],
  ['state that is no object', state([1]), /momentumBuffer of shape \[2\] for parameter 0, found nothing/],
  ['state without the momentum', state({}), /found nothing/],
  ['state of Adam', state({ exp_avg: tensor([1, 2]) }), /found expAvg \[2\]/],
  ['a momentum of another shape', state({ momentum_buffer: tensor([1]) }), /momentumBuffer \[1\]\./],
  ['a momentum that is a number', state({ momentum_buffer: 1 }), /momentumBuffer 1/],
  ['a momentum of integers', state({ momentum_buffer: tensor([1, 2], { dtype: 'int32' }) }), /of int32/],
  ['state of a stranger', { ...sgd(), state: { 5: {} } }, /state of 5/],
])('%s is refused, and nothing changes', (_, saved, message) => {
  const optimizer = new SGD([param()], { lr: 9, momentum: 0.5 });
  const before = JSON.stringify(optimizer.paramGroups[0].lr);
  expect(() => optimizer.loadStateDict(saved)).toThrow(message);
  expect(() => optimizer.loadStateDict(saved)).toThrow(
    expect.objectContaining({ name: expect.stringMatching(/^(Module|Argument)Error$/) }),
  );
  expect(JSON.stringify(optimizer.paramGroups[0].lr)).toBe(before);
  expect(optimizer.stateDict().state).toEqual({});
});

describe('a schedule takes the state of PyTorch’s', () => {
  const optimizer = () => new SGD([param()], { lr: 1, momentum: 0.9 });
  const step = { step_size: 3, gamma: 0.1, base_lrs: [0.5], last_epoch: 4, _step_count: 5, _last_lr: [0.05] };

  test('with its options, which must be the same', () => {
    const schedule = new StepLR(optimizer(), { stepSize: 3 });
    schedule.loadStateDict(step);
    expect(schedule.stateDict()).toEqual({ lastEpoch: 4, baseLrs: [0.5] });
    for (const [other, message] of [
      [{ ...step, gamma: 0.2 }, /gamma 0.1, found 0.2/],
      [{ ...step, step_size: 4 }, /stepSize 3, found 4/],
      [{ ...step, base_lrs: [1, 2] }, /1 baseLrs, found 4 and 2/],
      [{ ...step, base_lrs: ['x'] }, /baseLrs/],
      [{ ...step, last_epoch: 1.5 }, /lastEpoch/],
      [undefined, /found undefined and none/],
      [[], /none/],
    ] as const) {
      expect(() => schedule.loadStateDict(other)).toThrow(message);
      expect(() => schedule.loadStateDict(other)).toThrow(expect.objectContaining({ name: 'ModuleError' }));
      expect(schedule.lastEpoch).toBe(4);
    }
  });

  test('with milestones that are counted, and options with capitals', () => {
    const schedule = new MultiStepLR(optimizer(), { milestones: [3, 1, 3] });
    const rest = { base_lrs: [1], last_epoch: 2 };
    schedule.loadStateDict({
      milestones: new Map([
        [1, 1],
        [3, 2],
      ]),
      gamma: 0.1,
      ...rest,
    });
    expect(schedule.lastEpoch).toBe(2);
    expect(() =>
      schedule.loadStateDict({
        milestones: new Map([
          [1, 1],
          [3, 1],
        ]),
        ...rest,
      }),
    ).toThrow(/milestones \[1,3,3\], found \[1,3\]/);
    const cosine = new CosineAnnealingLR(optimizer(), { tMax: 5 });
    cosine.loadStateDict({ T_max: 5, eta_min: 0, ...rest });
    expect(() => cosine.loadStateDict({ T_max: 6, ...rest })).toThrow(/tMax 5, found 6/);
    const cycle = new OneCycleLR(optimizer(), { maxLr: 1, totalSteps: 10 });
    expect(() => cycle.loadStateDict({ total_steps: 20, ...rest })).toThrow(/totalSteps 10, found 20/);
  });
});
