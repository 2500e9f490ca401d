import path from 'node:path';
import { loadPt, ptStateDict } from '@octet/formats';
import type { AnyModule, Module } from '@octet/nn';
import * as nn from '@octet/nn';
import { Adam, CyclicLR, SGD, SWALR } from '@octet/optim';
import {
  convert,
  defaultWeightObserver,
  fuseModulesQat,
  getDefaultQatQConfig,
  getDefaultQatQConfigMapping,
  MinMaxObserver,
  prepare,
  prepareQat,
  QConfig,
  QConfigMapping,
  QuantWrapper,
  quantizeDynamic,
} from '@octet/quantization';
import { noGrad, type Tensor, zeros } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import { camelCase } from '../src/handlers/names';

// A file of PyTorch 2.13, made by torch/layers.py.

interface Form {
  kind: 'Conv1d' | 'Conv2d' | 'LSTM';
  args: number[];
  options: object;
  state_dict: object;
}

interface Layer extends Form {
  inputs: Tensor[];
  outputs: Tensor[];
  weights: Tensor[];
  input_grads: Tensor[];
  grads: Record<string, Tensor>;
}

interface Unpool {
  dims: 1 | 2;
  kernel: number;
  options: object;
  size: number[] | null;
  x: Tensor;
  indices: Tensor;
  y: Tensor;
  weight: Tensor;
  grad: Tensor;
}

interface Int8 extends Form {
  x: Tensor;
  y: Tensor;
}

interface Qat {
  options: object;
  state_dict: object;
  x: Tensor;
  losses: number[];
  weight: Tensor;
}

interface Schedule {
  kind: 'CyclicLR' | 'SWALR';
  options: object;
  groups: number[];
  momentum: number;
  adam: boolean;
  rates: number[][];
  momenta: number[][];
}

const file = path.join(import.meta.dirname, '../torch/layers.pt');
const { layers, unpools, int8, qat, schedules } = (await loadPt(file)) as unknown as {
  layers: Record<string, Layer>;
  unpools: Unpool[];
  int8: Int8[];
  qat: Qat[];
  schedules: Schedule[];
};

function make({ kind, args, options }: Form): AnyModule {
  const kinds: Readonly<Record<string, unknown>> = nn;
  const type = kinds[kind] as new (...all: unknown[]) => AnyModule;
  return new type(...args, camelCase(options));
}

function near(got: Tensor | undefined, expected: Tensor, atol = 2e-6): void {
  expect(got?.shape).toEqual(expected.shape);
  const [a, b] = [got as Tensor, expected].map((t) => Array.from(t.contiguous().dataSync()));
  const worst = a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]) / Math.max(1, Math.abs(b[i]))), 0);
  expect(worst).toBeLessThan(atol);
}

const learned = (t: Tensor) => {
  const copy = t.detach().clone();
  copy.requiresGrad = true;
  return copy;
};

describe.each(Object.entries(layers))('%s', (_, c) => {
  test('outputs and gradients are PyTorch’s', () => {
    const module = make(c);
    module.loadStateDict(ptStateDict(c.state_dict));
    const inputs = c.inputs.map(learned);
    const outputs = [module.call(...inputs)].flat(2) as Tensor[];
    expect(outputs.length).toBe(c.outputs.length);
    for (const [i, t] of outputs.entries()) near(t, c.outputs[i]);
    outputs
      .filter(({ dtype }) => dtype === 'float32')
      .map((t, i) => t.mul(c.weights[i]).sum())
      .reduce((sum, t) => sum.add(t))
      .backward();
    for (const [i, t] of inputs.entries()) near(t.grad, c.input_grads[i], 5e-6);
    const names = Object.keys(module.stateDict());
    expect(names).toEqual(Object.keys(c.grads));
    for (const [i, p] of module.parameters().entries()) near(p.grad, c.grads[names[i]], 1e-5);
  });
});

test.each(unpools)('unpooling $dims d, $options, $size', ({ dims, kernel, options, size, ...c }) => {
  const module = new (dims === 1 ? nn.MaxUnpool1d : nn.MaxUnpool2d)(kernel, camelCase(options));
  const x = learned(c.x);
  const y = module.call(x, c.indices, ...(size ? [size] : []));
  near(y, c.y);
  y.mul(c.weight).sum().backward();
  near(x.grad, c.grad);
});

test.each(int8)('$kind $options in int8 is PyTorch’s', async (c) => {
  const model = new QuantWrapper(make(c) as Module);
  const state = ptStateDict(c.state_dict);
  const entries = Object.entries(state).map(([key, t]) => [key.replace('conv.', 'module.'), t]);
  model.loadStateDict(Object.fromEntries(entries));
  const qconfig = new QConfig({
    activation: MinMaxObserver.withArgs({ dtype: 'quint8' }),
    weight: defaultWeightObserver,
  });
  const prepared = prepare(model.eval(), new QConfigMapping().setGlobal(qconfig));
  noGrad(() => prepared.call(c.x));
  const converted = await convert(prepared);
  const y = noGrad(() => converted.module.call(converted.quant.call(c.x)));
  expect(y.shape).toEqual(c.y.shape);
  expect(Array.from(y.contiguous().dataSync())).toEqual(Array.from(c.y.contiguous().dataSync()));
});

test.each(qat)(
  'a convolution of $options is trained as PyTorch’s',
  ({ options, state_dict, x, losses, weight }) => {
    const model = new nn.Sequential(
      new nn.Conv2d(4, 6, 3, { bias: false, ...camelCase(options) }),
      new nn.BatchNorm2d(6),
      new nn.ReLU(),
    );
    model.loadStateDict(ptStateDict(state_dict));
    model.qconfig = getDefaultQatQConfig('qnnpack');
    const trained = prepareQat(fuseModulesQat(model.train(), ['0', '1', '2']));
    const sgd = new SGD(trained.parameters(), { lr: 0.1 });
    for (const expected of losses) {
      const loss = trained.call(x).square().mean();
      expect(loss.itemSync()).toBeCloseTo(expected, 4);
      sgd.zeroGrad();
      loss.backward();
      sgd.step();
    }
    near((trained.at(0) as unknown as nn.Conv2d).weight, weight, 1e-4);
  },
);

test.each(int8.map(({ kind, options, ...c }) => ({ kind, options, ...c })))(
  '$kind $options is trained, converted and turned back',
  async (c) => {
    const model = new QuantWrapper(make(c) as Module).train();
    const trained = prepareQat(model, getDefaultQatQConfigMapping());
    trained.call(c.x).sum().backward();
    const converted = await convert(trained.eval());
    const y = noGrad(() => converted.call(c.x));
    const again = noGrad(() => (trained.call(c.x) as Tensor).sub(y).abs().amax().itemSync());
    expect(again).toBeLessThan(0.05);
    const conv = converted.module as unknown as { paddingMode: string; toFloat(): { paddingMode: string } };
    expect([conv.paddingMode, conv.toFloat().paddingMode]).toEqual(['reflect', 'reflect']);
    expect(String(converted)).toContain('paddingMode=reflect');
  },
);

test('an LSTM with a projection is quantized dynamically, and goes back to float', async () => {
  const [, c] = Object.entries(layers).filter(([, { kind }]) => kind === 'LSTM')[1];
  const lstm = make(c) as unknown as nn.LSTM;
  lstm.loadStateDict(ptStateDict(c.state_dict));
  const converted = (await quantizeDynamic(lstm.eval() as never)) as unknown as nn.LSTM & {
    toFloat(): nn.LSTM;
  };
  const [y, [h, cell]] = noGrad(() => converted.call(c.inputs[0]));
  for (const [i, t] of [y, h, cell].entries()) near(t, c.outputs[i], 0.05);
  expect(Object.values(converted.stateDict()).filter((t) => t.isQuantized)).toHaveLength(12);
  const [back] = noGrad(() => converted.toFloat().call(c.inputs[0]));
  near(back, c.outputs[0], 0.05);
});

test.each(schedules)('$kind $options has PyTorch’s rates and momenta', (c) => {
  const { kind, options, groups, momentum, adam, rates, momenta } = c;
  const optimizer = adam
    ? new Adam([zeros([1], { requiresGrad: true })], { lr: groups[0] })
    : new SGD(
        groups.map((lr) => ({ params: [zeros([1], { requiresGrad: true })], lr })),
        { lr: 1, momentum },
      );
  const schedule = new { CyclicLR, SWALR }[kind](optimizer as never, camelCase(options) as never);
  const run = () =>
    rates.forEach((expected, step) => {
      optimizer.paramGroups.forEach((group, i) => {
        expect(group.lr, `step ${step}`).toBeCloseTo(expected[i], 9);
        const { betas, momentum: own } = group as { betas?: [number, number]; momentum?: number };
        expect(betas ? betas[0] : own).toBeCloseTo(momenta[step][i], 9);
      });
      schedule.step();
    });
  run();
  // Back at the start.
  schedule.restart();
  run();
});
