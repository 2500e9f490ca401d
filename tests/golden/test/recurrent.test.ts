import path from 'node:path';
import { loadPt, ptStateDict } from '@octet/formats';
import { GRU, LSTM, type RNNBase, type RNNOptions } from '@octet/nn';
import { getDefaultDynamicQConfig, quantizeDynamic } from '@octet/quantization';
import { noGrad, type Tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';

// A file of PyTorch 2.13, made by torch/make.py.

type Engine = 'qnnpack' | 'x86' | 'onednn';

interface Case {
  kind: 'GRU' | 'LSTM';
  options: { num_layers?: number; bias?: boolean; batch_first?: boolean; bidirectional?: boolean };
  state_dict: object;
  x: Tensor;
  state: Tensor[];
  /** y and the last state. */
  outputs: Tensor[];
  weights: Tensor[];
  input_grads: Tensor[];
  grads: Record<string, Tensor>;
  dynamic: Partial<Record<Engine, Tensor>>;
}

const file = path.join(import.meta.dirname, '../torch/recurrent.pt');
const cases = Object.entries((await loadPt(file)) as unknown as Record<string, Case>);

type Layer = RNNBase<Tensor | Tensor[]>;

function layerOf({ kind, options, state_dict }: Case): Layer {
  const { num_layers, bias, batch_first, bidirectional } = options;
  const given: RNNOptions = {
    ...(num_layers && { numLayers: num_layers }),
    ...(bias !== undefined && { bias }),
    ...(batch_first && { batchFirst: batch_first }),
    ...(bidirectional && { bidirectional }),
  };
  const layer = kind === 'GRU' ? new GRU(6, 8, given) : new LSTM(6, 8, given);
  layer.loadStateDict(ptStateDict(state_dict));
  return layer.eval() as unknown as Layer;
}

/** y and the last state. */
function call(layer: Layer, x: Tensor, state: Tensor[]): Tensor[] {
  const [y, last] = layer.call(x, state.length === 1 ? state[0] : state);
  return [y, last].flat();
}

function largestDifference(got: Tensor, expected: Tensor): number {
  expect(got.shape).toEqual(expected.shape);
  const [a, b] = [got, expected].map((t) => Array.from(t.contiguous().dataSync()));
  return Math.max(...a.map((v, i) => Math.abs(v - b[i])));
}

describe.each(cases)('%s', (_, c) => {
  test('outputs and gradients are PyTorch’s', () => {
    const layer = layerOf(c);
    const inputs = [c.x, ...c.state].map((t) => {
      const input = t.detach().clone();
      input.requiresGrad = true;
      return input;
    });
    const outputs = call(layer, inputs[0], inputs.slice(1));
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
    const named = layer.namedParameters().map(([, p]) => p.grad as Tensor);
    const names = Object.keys(layer.stateDict());
    expect([...names].sort()).toEqual(Object.keys(c.grads).sort());
    names.forEach((name, i) => {
      expect(largestDifference(named[i], c.grads[name])).toBeLessThan(2e-5);
    });
  });

  test.each(Object.keys(c.dynamic) as Engine[])('dynamic int8 gives the numbers of %s', async (engine) => {
    // PyTorch's layers ask for 7 bits, and qnnpack doesn't listen.
    const recipe = getDefaultDynamicQConfig(engine === 'qnnpack' ? 'qnnpack' : 'x86');
    const int8 = await quantizeDynamic(layerOf(c), { qconfig: recipe });
    const [y] = noGrad(() => call(int8, c.x, c.state));
    expect(largestDifference(y, c.dynamic[engine] as Tensor)).toBeLessThan(1e-6);
  });
});
