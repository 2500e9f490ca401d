import { analyze, sensitivity } from '@octet/inspect';
import { BatchNorm2d, Conv2d, Flatten, Identity, MaxPool2d, ReLU, Sequential } from '@octet/nn';
import {
  convert,
  fuse,
  getDefaultQatQConfigMapping,
  getDefaultQConfigMapping,
  prepare,
  prepareQat,
  QuantWrapper,
} from '@octet/quantization';
import { grad, manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { convReLUPool2d, WeightNormLinear, weightNormLinear } from '../src';

beforeEach(() => void manualSeed(1));

const rules = [weightNormLinear, convReLUPool2d];
const images = () => Array.from({ length: 4 }, () => randn([8, 1, 6, 6]));

/** Batch normalisation has seen data. */
function net() {
  const layers = new Sequential(
    new Conv2d(1, 6, 3),
    new BatchNorm2d(6),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new WeightNormLinear(24, 3),
  );
  noGrad(() => images().forEach((x) => void layers.call(x)));
  return new QuantWrapper(layers);
}

const typesOf = (model: QuantWrapper<Sequential>) => model.module.children().map((m) => m.constructor.name);

const largestGap = (a: Tensor, b: Tensor) => Math.max(...a.sub(b).abs().dataSync());

describe('by two rules', () => {
  test('fuse, prepare and convert', async () => {
    const float = net().eval();
    const fused = fuse(float, { rules });
    expect(typesOf(fused).slice(0, 2)).toEqual(['ConvReLUPool2d', 'FusedIdentity']);
    const [x] = images();
    expect(noGrad(() => largestGap(fused.call(x), float.call(x)))).toBeLessThan(1e-4);

    const prepared = prepare(fused, getDefaultQConfigMapping(), { rules });
    for (const batch of images()) noGrad(() => prepared.call(batch));
    const int8 = await convert(prepared, { rules });
    expect(typesOf(int8)).toEqual([
      'QuantizedConvReLUPool2d',
      ...['Identity', 'Identity', 'Identity', 'Flatten'],
      'QuantizedWeightNormLinear',
    ]);

    const { layers, output } = await analyze(float, int8, images(), { rules });
    expect(layers.map(({ path, type, int8Type }) => [path, type, int8Type])).toEqual([
      ['quant', 'QuantStub', 'Quantize'],
      ['module.0', 'ConvReLUPool2d', 'QuantizedConvReLUPool2d'],
      ['module.5', 'WeightNormLinear', 'QuantizedWeightNormLinear'],
    ]);
    expect(output.sqnrDb).toBeGreaterThan(25);
    // The kernels compute what their scales say.
    for (const { error } of layers.slice(1)) expect(error.steps).toBeLessThanOrEqual(error.tolerableSteps);
  });

  test('fuse, prepareQat, train and convert', async () => {
    const model = prepareQat(fuse(net(), { rules }), getDefaultQatQConfigMapping(), { rules });
    expect(typesOf(model)).toEqual([
      'QatConvReLUPool2d',
      ...['FusedIdentity', 'FusedIdentity', 'FusedIdentity', 'Flatten'],
      'QatWeightNormLinear',
    ]);
    for (const x of images()) {
      const gradients = grad(model.call(x).square().mean(), model.parameters());
      expect(gradients.every((g) => g?.dataSync().every(Number.isFinite))).toBe(true);
    }
    model.eval();
    const int8 = await convert(model, { rules });
    const { layers, output } = await analyze(model, int8, images(), { rules });
    expect(layers.map(({ type }) => type)).toEqual(['QuantStub', 'ConvReLUPool2d', 'WeightNormLinear']);
    expect(output.sqnrDb).toBeGreaterThan(20);
    for (const { error } of layers.slice(1)) expect(error.steps).toBeLessThanOrEqual(error.tolerableSteps);
  });

  test('sensitivity counts them as layers', async () => {
    const { layers } = await sensitivity(fuse(net().eval(), { rules }), images(), undefined, { rules });
    expect(layers.map(({ path }) => path).sort()).toEqual(['module.0', 'module.5', 'quant']);
  });

  test('a second fuse changes nothing', () => {
    const warn = vi.spyOn(console, 'warn');
    for (const model of [net(), net().eval()]) {
      const once = fuse(model, { rules });
      expect(String(fuse(once, { rules }))).toBe(String(once));
    }
    expect(warn).not.toHaveBeenCalled();
  });
});

describe('without them', () => {
  test('the longest pattern that is left is fused, and the layer stays in float', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const fused = fuse(net().eval());
    expect(typesOf(fused).slice(0, 4)).toEqual(['ConvReLU2d', 'FusedIdentity', 'FusedIdentity', 'MaxPool2d']);
    prepare(fused, getDefaultQConfigMapping());
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/no int8 form: module\.5 \(WeightNormLinear\)/)],
    ]);
    warn.mockRestore();
  });

  test('convert names the layer that it can’t convert, before it changes anything', async () => {
    const prepared = prepare(fuse(net().eval(), { rules }), getDefaultQConfigMapping(), { rules });
    for (const x of images()) noGrad(() => prepared.call(x));
    await expect(convert(prepared, { inplace: true })).rejects.toThrow(
      /convert: expected a rule with int8 .* found none for module\.0 \(ConvReLUPool2d\)\. Pass the rules/,
    );
    expect(prepared.module.at(1)).toBeInstanceOf(Identity);
    const int8 = await convert(prepared, { inplace: true, rules });
    expect(typesOf(int8)[0]).toBe('QuantizedConvReLUPool2d');
  });
});
