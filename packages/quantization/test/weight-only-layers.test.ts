import { type AnyModule, Conv2d, ConvTranspose2d, GRU, Linear, LSTM, ReLU, Sequential } from '@octet/nn';
import { manualSeed, noGrad, quantizePerChannel, randn, type Tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import { fuse, quantized } from '../src';

beforeEach(() => void manualSeed(5));

/** Symmetric, a scale for each row. */
async function rows(weight: Tensor): Promise<Tensor> {
  const data = Float32Array.from(weight.dataSync());
  const each = data.length / weight.shape[0];
  const scales = Float32Array.from({ length: weight.shape[0] }, (_, i) =>
    data.slice(i * each, (i + 1) * each).reduce((most, w) => Math.max(most, Math.abs(w) / 127), 1e-9),
  );
  return quantizePerChannel(weight, scales, new Int32Array(scales.length), 0, 'qint8');
}

const layers: Readonly<Record<string, readonly [layer: () => AnyModule, input: readonly number[]]>> = {
  Conv2d: [() => new Conv2d(3, 5, 3, { padding: 1 }), [2, 3, 7, 5]],
  'Conv2d in groups': [() => new Conv2d(4, 8, 3, { groups: 4, bias: false }), [1, 4, 6, 5]],
  ConvTranspose2d: [() => new ConvTranspose2d(4, 3, 2, { stride: 2 }), [1, 4, 3, 5]],
  ConvReLU2d: [
    () => fuse(new Sequential(new Conv2d(2, 3, 1), new ReLU()).eval()).children()[0],
    [1, 2, 3, 3],
  ],
  Linear: [() => new Linear(7, 3), [4, 7]],
  LSTM: [() => new LSTM(3, 5, { numLayers: 2 }), [4, 2, 3]],
  GRU: [() => new GRU(3, 5), [4, 1, 3]],
};

const tensors = (y: unknown): Tensor[] => (Array.isArray(y) ? y.flatMap(tensors) : [y as Tensor]);
const call = (layer: AnyModule, x: Tensor) => tensors(noGrad(() => layer.call(x)));

describe('WeightOnly', () => {
  test.each(Object.keys(layers))('%s computes with the integers’ floats', async (name) => {
    const [make, shape] = layers[name];
    const float = make().eval();
    const made = await quantized.WeightOnly.fromFloat(float, rows);
    const x = randn([...shape]);
    const [same, was] = [call(made.toFloat(), x), call(float, x)];
    expect(same.length).toBe(was.length);
    for (const [i, y] of call(made, x).entries()) {
      expect(Array.from(y.dataSync())).toEqual(Array.from(same[i].dataSync()));
      const noise = y.sub(was[i]).abs().amax().dataSync()[0];
      expect(noise).toBeGreaterThan(0);
      expect(noise).toBeLessThan(0.03);
    }
    const state = Object.entries(made.stateDict());
    const weights = state.filter(([key]) => /weight/.test(key));
    expect(weights.length).toBeGreaterThan(0);
    for (const [, t] of weights) expect(t.dtype).toBe('qint8');
    for (const [key, t] of state) if (/bias/.test(key)) expect(t.dtype).toBe('float32');
  });

  test('a call that fails leaves the integers in their place', async () => {
    const made = await quantized.WeightOnly.fromFloat(new Linear(7, 3), rows);
    expect(() => made.call(randn([2, 6]))).toThrow();
    expect(made.stateDict()['layer.weight'].dtype).toBe('qint8');
  });

  test('gradients reach what it reads, and the given layer stays', async () => {
    const float = new Linear(7, 3);
    const made = await quantized.WeightOnly.fromFloat(float, rows);
    const x = randn([2, 7]);
    x.requiresGrad = true;
    (made.call(x) as Tensor).sum().backward();
    const weight = (made.toFloat() as Linear).weight;
    const expected = weight.sum(0).dataSync();
    for (const [i, g] of Array.from(x.grad?.dataSync() ?? []).entries())
      expect(g).toBeCloseTo(expected[i % 7], 5);
    expect(float.weight.dtype).toBe('float32');
  });
});
