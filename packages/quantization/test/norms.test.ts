import { QuantizationError, ShapeError } from '@octet/backend';
import * as nn from '@octet/nn';
import { manualSeed, noGrad, quantizedTensor, quantizePerTensor, randn, type Tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  convert,
  fuse,
  getDefaultQatQConfigMapping,
  getDefaultQConfigMapping,
  intrinsic,
  prepare,
  prepareQat,
  QuantWrapper,
  qat,
  quantized,
  toFloat,
} from '../src';

beforeEach(() => void manualSeed(2));

/** Layers with parameters other than 1 and 0, and statistics that have seen something. */
function trained<M extends nn.Module>(layer: M, ...shape: number[]): M {
  for (const p of layer.parameters()) noGrad(() => p.copy_(randn(p.shape).mul(0.5).add(0.7)));
  for (let i = 0; i < 3; i++) noGrad(() => layer.train().call(randn(shape).mul(2).add(0.5)));
  return layer.eval() as M;
}

const layers: [string, () => nn.Module, number[], abstract new (...args: never[]) => nn.AnyModule][] = [
  ['BatchNorm2d', () => new nn.BatchNorm2d(19), [4, 19, 5, 3], quantized.BatchNorm2d],
  ['BatchNorm2d', () => new nn.BatchNorm2d(3, { affine: false }), [4, 3, 5, 3], quantized.BatchNorm2d],
  ['BatchNorm1d of rows', () => new nn.BatchNorm1d(33), [40, 33], quantized.BatchNorm1d],
  ['BatchNorm1d', () => new nn.BatchNorm1d(5), [4, 5, 17], quantized.BatchNorm1d],
  ['PReLU', () => new nn.PReLU(), [4, 6, 5], quantized.PReLU],
  ['PReLU of channels', () => new nn.PReLU(18), [4, 18, 5, 3], quantized.PReLU],
  ['LayerNorm', () => new nn.LayerNorm([7, 3]), [4, 7, 3], quantized.LayerNorm],
  ['GroupNorm', () => new nn.GroupNorm(3, 6), [4, 6, 5, 3], quantized.GroupNorm],
  ['InstanceNorm1d', () => new nn.InstanceNorm1d(6, { affine: true }), [4, 6, 15], quantized.InstanceNorm1d],
  ['InstanceNorm2d', () => new nn.InstanceNorm2d(6), [4, 6, 5, 3], quantized.InstanceNorm2d],
];

describe.each(layers)('%s', (_, make, shape, type) => {
  test.each(['prepare', 'prepareQat'] as const)(
    '%s and convert: within half a step of float',
    async (way) => {
      const layer = trained(make(), ...shape);
      const qat = way === 'prepareQat';
      const wrapped = new QuantWrapper(layer).eval();
      const prepared = qat
        ? prepareQat(wrapped.train(), getDefaultQatQConfigMapping('qnnpack'))
        : prepare(wrapped, getDefaultQConfigMapping('qnnpack'));
      const x = randn(shape).mul(2).add(0.3);
      prepared.call(x);
      const int8 = await convert(prepared.eval());
      expect(int8.module).toBeInstanceOf(type);
      const { scale, zeroPoint } = int8.module as unknown as { scale: number; zeroPoint: number };
      const { scale: sx, zeroPoint: zx } = int8.quant as quantized.Quantize;
      const float = toFloat(int8.module) as nn.Module;
      const want = noGrad(() => float.call(quantizePerTensor(x, sx, zx, 'quint8').dequantize())).dataSync();
      const y = noGrad(() => int8.call(x)).dataSync();
      const [lo, hi] = [-zeroPoint * scale, (255 - zeroPoint) * scale];
      for (let i = 0; i < y.length; i++) {
        const inside = Math.min(Math.max(want[i], lo), hi);
        expect(Math.abs(y[i] - inside), `at ${i}`).toBeLessThanOrEqual(scale * 0.502);
      }
      // A copy by its state dict alone, made of a layer that was never trained.
      const fresh = prepare(new QuantWrapper(make()).eval(), getDefaultQConfigMapping('qnnpack'));
      const again = await convert(fresh, { requireCalibration: false });
      again.loadStateDict(int8.stateDict());
      expect(noGrad(() => again.call(x)).dataSync()).toEqual(y);
      expect(String(int8.module)).toContain('scale=');
    },
  );

  test('its float form is the layer', async () => {
    const layer = trained(make(), ...shape);
    const prepared = prepare(new QuantWrapper(layer).eval(), getDefaultQConfigMapping());
    const x = randn(shape);
    prepared.call(x);
    const int8 = await convert(prepared);
    const float = toFloat(int8.module) as nn.Module;
    expect(float.constructor).toBe(layer.constructor);
    const [want, got] = noGrad(() => [layer.call(x).dataSync(), float.call(x).dataSync()]);
    for (let i = 0; i < want.length; i++) expect(got[i]).toBeCloseTo(want[i], 5);
  });
});

test('softmax: the fixed scale, in training too', async () => {
  const prepared = prepareQat(new QuantWrapper(new nn.Softmax(1)).train(), getDefaultQatQConfigMapping());
  const x = randn([5, 9]).mul(3);
  prepared.call(x);
  const simulated = prepared.eval().call(x).dataSync();
  const int8 = await convert(prepared);
  expect(int8.module.call(int8.quant.call(x)).qparams).toEqual({
    scheme: 'perTensor',
    scale: 1 / 256,
    zeroPoint: 0,
  });
  const y = int8.call(x).dataSync();
  for (let i = 0; i < y.length; i++) expect(Math.abs(y[i] - simulated[i])).toBeLessThan(1e-6);
});

test('batch normalisation and ReLU alone become BNReLU2d, behind a convolution they stay with it', async () => {
  const model = new QuantWrapper(
    new nn.Sequential(
      new nn.Sequential(trained(new nn.BatchNorm2d(3), 4, 3, 5, 5), new nn.ReLU()),
      new nn.Sequential(new nn.Conv2d(3, 4, 1), trained(new nn.BatchNorm2d(4), 4, 4, 5, 5), new nn.ReLU()),
    ),
  ).eval();
  const fused = fuse(model);
  const bnRelu = fused.getSubmodule('module.0.0');
  expect(bnRelu).toBeInstanceOf(intrinsic.BNReLU2d);
  expect(fused.getSubmodule('module.1.0')).toBeInstanceOf(intrinsic.ConvReLU2d);
  const prepared = prepare(fused, getDefaultQConfigMapping('qnnpack'));
  const x = randn([4, 3, 6, 5]);
  prepared.call(x);
  const int8 = await convert(prepared);
  const layer = int8.getSubmodule('module.0.0') as quantized.BNReLU2d;
  expect(layer).toBeInstanceOf(quantized.BNReLU2d);
  const q = int8.quant.call(x);
  const integers = layer.call(q).intRepr().dataSync();
  expect(Math.min(...integers)).toBe(layer.zeroPoint);
  const want = noGrad(() => (bnRelu as nn.Module).call(q.dequantize())).dataSync();
  layer
    .call(q)
    .dequantize()
    .dataSync()
    .forEach((v, i) => {
      expect(Math.abs(v - Math.min(want[i], (255 - layer.zeroPoint) * layer.scale))).toBeLessThanOrEqual(
        layer.scale * 0.502,
      );
    });
  expect(toFloat(layer)).toBeInstanceOf(intrinsic.BNReLU2d);
});

test('a trained linear layer keeps frozen statistics', () => {
  const model = new QuantWrapper(new nn.Sequential(new nn.Linear(4, 3), new nn.BatchNorm1d(3))).train();
  const trained = prepareQat(fuse(model), getDefaultQatQConfigMapping());
  const layer = trained.module.at(0) as qat.LinearBn1d;
  expect(layer).toBeInstanceOf(qat.LinearBn1d);
  trained.call(randn([6, 4]));
  trained.apply(qat.freezeBnStats);
  const before = layer.bn.runningMean?.dataSync();
  trained.train().call(randn([6, 4]));
  expect(layer.bn.training).toBe(false);
  expect(layer.bn.runningMean?.dataSync()).toEqual(before);
  trained.apply(qat.updateBnStats);
  trained.call(randn([6, 4]));
  expect(layer.bn.runningMean?.dataSync()).not.toEqual(before);
});

describe('refused', () => {
  const x: Tensor = quantizedTensor([1, 2, 3, 4], [1, 2, 2], 'quint8', {
    scheme: 'perTensor',
    scale: 0.1,
    zeroPoint: 0,
  });

  test('other channels than the layer has', () => {
    expect(() => quantized.functional.prelu(x, new Float32Array(3), { scale: 1, zeroPoint: 0 })).toThrow(
      ShapeError,
    );
  });

  test('a batch normalisation without running statistics, one with NaN, and an instance normalisation with statistics', async () => {
    const converted = (layer: nn.Module) => {
      const prepared = prepare(new QuantWrapper(layer).eval(), getDefaultQConfigMapping());
      return convert(prepared, { requireCalibration: false });
    };
    await expect(converted(new nn.BatchNorm2d(2, { trackRunningStats: false }))).rejects.toThrow(
      QuantizationError,
    );
    const bn = new nn.BatchNorm2d(2);
    bn.runningMean?.fill_(Number.NaN);
    await expect(converted(bn)).rejects.toThrow(/finite numbers \(module\.runningMean\)/);
    await expect(converted(new nn.InstanceNorm2d(2, { trackRunningStats: true }))).rejects.toThrow(
      /without running statistics \(module\)/,
    );
  });
});
