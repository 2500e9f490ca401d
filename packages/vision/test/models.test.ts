import { addDispatchHook } from '@octet/backend';
import type { Module } from '@octet/nn';
import { convert, getDefaultQatQConfig, getDefaultQConfig, prepare, prepareQat } from '@octet/quantization';
import { manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  DigitClassifier,
  InvertedResidual,
  MobileNetV2,
  Model,
  mobilenetV2,
  QInvertedResidual,
} from '../src';

beforeEach(() => void manualSeed(2));

type Fusable = Module & { fuseModel(): void };

const models: [string, () => Fusable, number[], number[]][] = [
  ['Model', () => new Model(), [2, 3, 8, 12], [2, 256, 2, 3]],
  [
    'Model with a residual',
    () =>
      new Model([
        [3, 8, 1, 2],
        [8, 8, 1, 2],
      ]),
    [1, 3, 7, 5],
    [1, 8, 7, 5],
  ],
  ['DigitClassifier', () => new DigitClassifier({ width: 0.5 }), [3, 1, 28, 28], [3, 10]],
  ['MobileNetV2', () => new MobileNetV2({ widthMult: 0.25, numClasses: 7 }), [1, 3, 32, 32], [1, 7]],
  [
    'MobileNetV2, ReLU',
    () => new MobileNetV2({ widthMult: 0.25, numClasses: 7, relu6: false }),
    [2, 3, 32, 32],
    [2, 7],
  ],
];

const batch = (shape: number[], n: number) => [n, ...shape.slice(1)];

/** The kernels that run between the one that quantizes the input and the one that dequantizes the output. */
function insideKernels(model: Module, x: Tensor): string[] {
  const names: string[] = [];
  const remove = addDispatchHook(({ kernel }, run) => {
    names.push(kernel);
    run();
  });
  noGrad(() => model.call(x));
  remove();
  return names.slice(names.indexOf('quantize') + 1, names.lastIndexOf('dequantize'));
}

describe.each(models)('%s', (_, make, shape, outShape) => {
  test('forward, and fusing in evaluation computes the same', () => {
    const model = make();
    model.call(randn(batch(shape, 2)));
    model.eval();
    const x = randn(shape);
    const before = noGrad(() => model.call(x));
    expect(before.shape).toEqual(outShape);
    model.fuseModel();
    expect(model.modules().some((m) => m.constructor.name === 'BatchNorm2d')).toBe(false);
    const want = before.dataSync();
    noGrad(() => model.call(x))
      .dataSync()
      .forEach((v, i) => {
        expect(Math.abs(v - want[i])).toBeLessThan(1e-4 + 1e-3 * Math.abs(want[i]));
      });
  });

  test('post-training int8: only integer kernels between the stubs', async () => {
    const model = make().eval();
    model.fuseModel();
    model.qconfig = getDefaultQConfig('qnnpack');
    const prepared = prepare(model);
    prepared.call(randn(shape));
    const int8 = await convert(prepared);
    const inside = insideKernels(int8, randn(shape));
    expect(inside.length).toBeGreaterThan(5);
    expect(inside.filter((name) => !/^q|^copyStrided$/.test(name))).toEqual([]);
  });

  test('quantization-aware training: a step, then int8', async () => {
    const model = make().train();
    model.fuseModel();
    model.qconfig = getDefaultQatQConfig('x86');
    const prepared = prepareQat(model);
    prepared
      .call(randn(batch(shape, 3)))
      .square()
      .mean()
      .backward();
    for (const [path, parameter] of prepared.namedParameters()) expect(parameter.grad, path).toBeDefined();
    const int8 = await convert(prepared.eval());
    expect(noGrad(() => int8.call(randn(shape))).shape).toEqual(outShape);
  });
});

describe('names and sizes are those of PyTorch', () => {
  test('the tutorial model', () => {
    const keys = Object.keys(new Model().stateDict());
    for (const key of [
      'layers.0.conv.0.0.weight',
      'layers.0.conv.1.1.running_mean',
      'layers.5.conv.2.weight',
    ]) {
      expect(keys).toContain(key);
    }
    const block = new QInvertedResidual(8, 8, 1, 2);
    expect(block).toBeInstanceOf(InvertedResidual);
    expect(block.useRes).toBe(true);
    expect(new QInvertedResidual(8, 8, 2, 2).useRes).toBe(false);
    expect(new QInvertedResidual(8, 8, 1, 1).conv).toHaveLength(3);
  });

  test('MobileNetV2 has 3,504,872 parameters and torchvision’s keys', () => {
    const model = new MobileNetV2();
    expect(model.parameters().reduce((n, p) => n + p.numel, 0)).toBe(3_504_872);
    const keys = Object.keys(model.stateDict());
    expect(keys).toHaveLength(314);
    for (const key of [
      'features.0.0.weight',
      'features.1.conv.1.weight',
      'features.17.conv.3.running_var',
      'features.18.1.num_batches_tracked',
      'classifier.1.bias',
    ]) {
      expect(keys).toContain(key);
    }
    const again = mobilenetV2({ pretrained: model.stateDict() });
    expect(again.stateDict()['classifier.1.weight'].dataSync()).toEqual(
      model.stateDict()['classifier.1.weight'].dataSync(),
    );
  });

  test('widths that make no sense are refused', () => {
    expect(() => new DigitClassifier({ width: 0 })).toThrow(/width > 0/);
    expect(() => new MobileNetV2({ widthMult: -1 })).toThrow(/widthMult > 0/);
  });
});
