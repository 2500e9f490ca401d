import { elementwiseFunctions, quantRange } from '@octet/backend';
import * as nn from '@octet/nn';
import { manualSeed, noGrad, quantizedTensor, quantizePerTensor, randn } from '@octet/tensor';
import { beforeEach, expect, test } from 'vitest';
import {
  convert,
  defaultStaticMapping,
  getDefaultQatQConfigMapping,
  getDefaultQConfigMapping,
  prepare,
  prepareQat,
  QuantWrapper,
  quantized,
} from '../src';

beforeEach(() => void manualSeed(0));

const layers: Readonly<Record<string, unknown>> = nn;

/** Makes the layer of a row: leakyRelu → LeakyReLU, of the row's attributes. */
function layerOf(row: string): ((...args: number[]) => nn.Module) | undefined {
  if (row === 'geluTanh') return () => new nn.GELU({ approximate: 'tanh' });
  const name = Object.keys(layers).find((found) => found.toLowerCase() === row.toLowerCase());
  if (!name) return undefined;
  const Layer = layers[name] as new (...args: number[]) => nn.Module;
  return (...args) => new Layer(...args);
}

const rows = Object.entries(elementwiseFunctions).filter(([, { int8 }]) => int8);

test.each([1, -1])('GLU along dim %d becomes int8, and is near the float one', async (dim) => {
  const layer = new nn.GLU(dim).eval();
  const prepared = prepare(new QuantWrapper(layer).eval(), getDefaultQConfigMapping());
  const x = randn([4, 6, 8]).mul(3);
  prepared.call(x);
  const int8 = await convert(prepared);
  const glu = int8.module as unknown as quantized.GLU;
  expect(glu).toBeInstanceOf(quantized.GLU);
  expect(glu.toFloat().dim).toBe(dim);
  expect(String(glu)).toContain(`dim=${dim}`);
  const quantize = int8.quant as quantized.Quantize;
  const xq = quantizePerTensor(x, quantize.scale, quantize.zeroPoint, 'quint8');
  const [y, expected] = noGrad(() => [int8.call(x), layer.call(xq.dequantize())]);
  // Half a step of the output, and a step of the sigmoid, whose largest is 255/256, times what it scales.
  const most = glu.scale * 0.501 + x.abs().amax().itemSync() / 255;
  expect(y.sub(expected).abs().amax().itemSync()).toBeLessThan(most);
  expect(() => glu.call(xq.slice(1, 0, 5).slice(2, 0, 7))).toThrow('an even size');
});

test('there are some', () => {
  expect(rows.map(([name]) => name)).toEqual(expect.arrayContaining(['hardswish', 'silu', 'elu']));
});

test.each(rows)(
  '%s has a layer, which becomes int8 and is within half a step of the float one',
  async (name, row) => {
    const make = layerOf(name);
    if (!make) throw new Error(`no layer for the row '${name}'`);
    for (const attrs of row.examples ?? [{}]) {
      const layer = make(...(Object.values(attrs) as number[])).eval();
      expect(defaultStaticMapping.has(layer.constructor as never)).toBe(true);
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

test("a function of one's own, by one call", () => {
  const x = quantizedTensor([0, 100, 128, 129, 200, 255], [6], 'quint8', {
    scheme: 'perTensor',
    scale: 0.02,
    zeroPoint: 128,
  });
  const f = (v: number) => 1 / (1 + v * v);
  const y = quantized.functional.map(x, f, { scale: 1 / 256, zeroPoint: 3 });
  const want = Array.from(x.dequantize().dataSync(), (v) => Math.min(Math.round(f(v) * 256) + 3, 255));
  expect(Array.from(y.intRepr().dataSync())).toEqual(want);
  const logarithm = quantized.functional.map(x, Math.log, { scale: 0.1, zeroPoint: 60 });
  expect(Array.from(logarithm.intRepr().dataSync())).toEqual([0, 0, 0, 21, 64, 69]);
  expect(() => quantized.functional.map(x, 3 as never, { scale: 1, zeroPoint: 0 })).toThrow(
    /f to be a function/,
  );
});

test("hardsigmoid on integers: PyTorch's fixed scale, in training too", async () => {
  const model = new QuantWrapper(new nn.Hardsigmoid());
  const trained = prepareQat(model.train(), getDefaultQatQConfigMapping());
  const x = randn([4, 100]).mul(4);
  trained.call(x);
  const simulated = trained.eval().call(x).dataSync();
  const int8 = await convert(trained);
  const y = int8.call(x).dataSync();
  expect(y.every((v, i) => Math.abs(v - simulated[i]) < 1e-6)).toBe(true);
  expect(int8.module.call(int8.quant.call(x)).qparams).toEqual({
    scheme: 'perTensor',
    scale: 1 / 256,
    zeroPoint: 0,
  });
});

test('says its function, its attributes and its output', () => {
  const layer = new quantized.Activation(
    'softplus',
    { beta: 2, threshold: 20 },
    { scale: 0.5, zeroPoint: 3 },
  );
  expect(String(layer)).toBe('QuantizedActivation(softplus, beta=2, threshold=20, scale=0.5, zeroPoint=3)');
});

test('functions without a layer go by tables too', () => {
  const x = quantizedTensor(
    Array.from({ length: 256 }, (_, i) => i),
    [256],
    'quint8',
    { scheme: 'perTensor', scale: 0.02, zeroPoint: 128 },
  );
  const y = quantized.functional.activation('erf', x, {}, { scale: 1 / 128, zeroPoint: 128 });
  const want = x
    .dequantize()
    .erf()
    .clamp(-1, 127 / 128);
  expect(y.dequantize().sub(want).abs().amax().itemSync()).toBeLessThanOrEqual(0.501 / 128);
});
