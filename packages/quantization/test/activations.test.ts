import { elementwiseFunctions, quantRange } from '@octet/backend';
import * as nn from '@octet/nn';
import { manualSeed, noGrad, quantizePerTensor, randn } from '@octet/tensor';
import { beforeEach, expect, test } from 'vitest';
import {
  convert,
  defaultStaticMapping,
  getDefaultQConfigMapping,
  prepare,
  QuantWrapper,
  quantized,
} from '../src';

beforeEach(() => void manualSeed(0));

const layers: Readonly<Record<string, unknown>> = nn;

/** The layer of a row: leakyRelu → LeakyReLU. */
function layerOf(row: string): (new (...args: number[]) => nn.Module) | undefined {
  const name = Object.keys(layers).find((found) => found.toLowerCase() === row.toLowerCase());
  return name ? (layers[name] as new (...args: number[]) => nn.Module) : undefined;
}

const rows = Object.entries(elementwiseFunctions).filter(([, { int8 }]) => int8);

test('there are some', () => {
  expect(rows.map(([name]) => name)).toEqual(expect.arrayContaining(['hardswish', 'silu', 'elu']));
});

test.each(rows)(
  '%s has a layer, which becomes int8 and is within half a step of the float one',
  async (name, row) => {
    const Layer = layerOf(name);
    if (!Layer) throw new Error(`no layer for the row '${name}'`);
    expect(defaultStaticMapping.has(Layer)).toBe(true);
    for (const attrs of row.examples ?? [{}]) {
      const layer = new Layer(...(Object.values(attrs) as number[])).eval();
      const prepared = prepare(new QuantWrapper(layer).eval(), getDefaultQConfigMapping());
      const x = randn([4, 100]).mul(3);
      prepared.call(x);
      const int8 = await convert(prepared);
      const inside = int8.module as unknown as { scale: number; zeroPoint: number };
      const quantize = int8.quant as quantized.Quantize;
      const xq = quantizePerTensor(x, quantize.scale, quantize.zeroPoint, 'quint8');
      const [y, expected] = noGrad(() => [int8.call(x).dataSync(), layer.call(xq.dequantize()).dataSync()]);
      const [lo, hi] = quantRange.quint8.map((q) => (q - inside.zeroPoint) * inside.scale);
      for (let i = 0; i < y.length; i++) {
        const want = Math.min(Math.max(expected[i], lo), hi);
        expect(Math.abs(y[i] - want), `${name} ${JSON.stringify(attrs)} at ${i}`).toBeLessThanOrEqual(
          inside.scale * 0.501,
        );
      }
      const copy = int8.clone().eval();
      expect(copy.call(x).dataSync()).toEqual(y);
    }
  },
);

test('says its function, its attributes and its output', () => {
  const layer = new quantized.Activation(
    'softplus',
    { beta: 2, threshold: 20 },
    { scale: 0.5, zeroPoint: 3 },
  );
  expect(String(layer)).toBe('QuantizedActivation(softplus, beta=2, threshold=20, scale=0.5, zeroPoint=3)');
});
