import path from 'node:path';
import { loadPt, ptStateDict } from '@octet/formats';
import { type AnyModule, GRUCell, LSTMCell, RNN, RNNCell, Sequential } from '@octet/nn';
import { dynamic, getDefaultDynamicQConfig, quantizeDynamic } from '@octet/quantization';
import { noGrad, type Tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import { camelCase } from '../src/handlers/names';

// A file of PyTorch 2.13, made by torch/cells.py.

type Engine = 'qnnpack' | 'x86';

interface Case {
  kind: 'RNN' | 'RNNCell' | 'GRUCell' | 'LSTMCell';
  options: object;
  state_dict: object;
  x: Tensor;
  state: Tensor[];
  outputs: Tensor[];
  weights: Tensor[];
  input_grads: Tensor[];
  grads: Record<string, Tensor>;
  dynamic: Partial<Record<Engine, Tensor[]>>;
}

const file = path.join(import.meta.dirname, '../torch/cells.pt');
const cases = Object.entries((await loadPt(file)) as unknown as Record<string, Case>);
const kinds = { RNN, RNNCell, GRUCell, LSTMCell };

function moduleOf({ kind, options, state_dict }: Case): AnyModule {
  const module: AnyModule = new kinds[kind](6, 8, camelCase(options) as never);
  module.loadStateDict(ptStateDict(state_dict));
  return module.eval();
}

function call(module: AnyModule, x: Tensor, state: Tensor[]): Tensor[] {
  return [module.call(x, state.length === 1 ? state[0] : state)].flat(2) as Tensor[];
}

function largestDifference(got: Tensor, expected: Tensor): number {
  expect(got.shape).toEqual(expected.shape);
  const [a, b] = [got, expected].map((t) => Array.from(t.contiguous().dataSync()));
  return Math.max(...a.map((v, i) => Math.abs(v - b[i])));
}

describe.each(cases)('%s', (_, c) => {
  test('outputs and gradients are PyTorch’s', () => {
    const module = moduleOf(c);
    const inputs = [c.x, ...c.state].map((t) => {
      const input = t.detach().clone();
      input.requiresGrad = true;
      return input;
    });
    const outputs = call(module, inputs[0], inputs.slice(1));
    expect(outputs.length).toBe(c.outputs.length);
    outputs.forEach((t, i) => {
      expect(largestDifference(t, c.outputs[i])).toBeLessThan(1e-6);
    });
    outputs
      .map((t, i) => t.mul(c.weights[i]).sum())
      .reduce((sum, t) => sum.add(t))
      .backward();
    inputs.forEach((t, i) => {
      expect(largestDifference(t.grad as Tensor, c.input_grads[i])).toBeLessThan(5e-6);
    });
    const names = Object.keys(module.stateDict());
    expect([...names].sort()).toEqual(Object.keys(c.grads).sort());
    module.parameters().forEach((p, i) => {
      expect(largestDifference(p.grad as Tensor, c.grads[names[i]])).toBeLessThan(2e-5);
    });
  });

  test('one example, and no state, are a batch of one and zeros', () => {
    const module = moduleOf(c);
    if (module instanceof RNN) {
      const [y] = call(module, c.x, [c.state[0].mul(0)]);
      expect((module.call(c.x)[0] as Tensor).dataSync()).toEqual(y.dataSync());
      return;
    }
    const rows = call(
      module,
      c.x,
      c.state.map((t) => t.mul(0)),
    );
    const one = [module.call(c.x.select(0, 1))].flat() as Tensor[];
    one.forEach((t, i) => {
      expect(largestDifference(t, rows[i].select(0, 1))).toBeLessThan(1e-7);
    });
  });

  test.each(Object.keys(c.dynamic) as Engine[])('dynamic int8 gives the numbers of %s', async (engine) => {
    // PyTorch's cells ask for 7 bits, and qnnpack doesn't listen.
    const recipe = getDefaultDynamicQConfig(engine === 'qnnpack' ? 'qnnpack' : 'x86');
    const int8 = (await quantizeDynamic(moduleOf(c) as never, { qconfig: recipe })) as AnyModule;
    const y = noGrad(() => call(int8, c.x, c.state));
    y.forEach((t, i) => {
      expect(largestDifference(t, c.dynamic[engine]?.[i] as Tensor)).toBeLessThan(1e-6);
    });
  });

  test('dynamic int8 is close, saves and loads, and goes back to float', async () => {
    const float = moduleOf(c);
    const int8 = (await quantizeDynamic(float as never)) as AnyModule;
    expect(Object.values(dynamic).some((type) => int8.constructor === type)).toBe(true);
    const y = noGrad(() => call(int8, c.x, c.state));
    y.forEach((t, i) => {
      expect(largestDifference(t, c.outputs[i])).toBeLessThan(0.1);
    });
    const other = (await quantizeDynamic(
      new kinds[c.kind](6, 8, camelCase(c.options) as never) as never,
    )) as AnyModule;
    other.loadStateDict(int8.stateDict());
    noGrad(() => call(other, c.x, c.state)).forEach((t, i) => {
      expect(t.dataSync()).toEqual(y[i].dataSync());
    });
    const back = (int8 as unknown as { toFloat(): AnyModule }).toFloat();
    expect(back.constructor).toBe(kinds[c.kind]);
    noGrad(() => call(back, c.x, c.state)).forEach((t, i) => {
      expect(largestDifference(t, c.outputs[i])).toBeLessThan(0.1);
    });
  });
});

test('cells inside of a model are found', async () => {
  class Loop extends Sequential {
    readonly cell = new GRUCell(2, 3);
  }
  const int8 = await quantizeDynamic(new Loop());
  expect(int8.cell).toBeInstanceOf(dynamic.GRUCell);
});

test('refusals', () => {
  const cell = new LSTMCell(6, 8);
  const [x, h] = [cases[0][1].x.select(0, 0), cases[0][1].x];
  expect(() => cell.call(x, [h] as never)).toThrow('LSTMCell: expected a state [h, c]');
  expect(() => cell.call(x, [x, x])).toThrow('a state of shape [5, 8]');
  expect(() => new RNN(2, 3, { nonlinearity: 'gelu' as 'relu' })).toThrow('nonlinearity');
  expect(() => new RNNCell(0, 3)).toThrow('inputSize');
});
