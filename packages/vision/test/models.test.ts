import { BatchNorm, BatchNorm1d, BatchNorm2d, Identity, type Module, Sequential, skipInit } from '@octet/nn';
import { getDefaultQatQConfig, intrinsic, prepareQat, qat, quantized } from '@octet/quantization';
import { manualSeed, noGrad, ones, rand, randn, type Tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  Bottleneck,
  ConvBNReLU,
  DigitClassifier,
  EfficientNet,
  efficientnetB0,
  InvertedResidual,
  M5,
  MobileNetV2,
  MobileNetV3,
  Model,
  m5,
  mobilenetV2,
  mobilenetV3Large,
  mobilenetV3Small,
  QInvertedResidual,
  ResNet,
  resnet18,
  resnet34,
  resnet50,
  ShuffleNetV2,
  ShuffleUnit,
  SqueezeNet,
  StochasticDepth,
  shufflenetV2x05,
  shufflenetV2x10,
  squeezenet10,
  squeezenet11,
  TutorialNet,
  UNet,
  unet,
} from '../src';
import { kernelCalls, toInt8 } from './helpers';

beforeEach(() => {
  manualSeed(0);
});

const shapeOf = (model: Module, x: Tensor) => noGrad(() => model.call(x)).shape;

/** Small ones of every model, with an input: one block adds its input, one doesn't. */
const models = {
  TutorialNet: () => ({
    model: new TutorialNet([
      [3, 4, 1, 2],
      [4, 4, 1, 2],
      [4, 6, 2, 1],
    ]),
    x: randn([2, 3, 8, 8]),
    out: [2, 6, 4, 4],
  }),
  DigitClassifier: () => ({
    model: new DigitClassifier({ width: 0.25 }),
    x: rand([2, 1, 28, 28]),
    out: [2, 10],
  }),
  'MobileNetV2 (ReLU)': () => ({
    model: new MobileNetV2({ widthMult: 0.1, numClasses: 5, relu6: false }),
    x: randn([2, 3, 32, 32]),
    out: [2, 5],
  }),
  'MobileNetV2 (ReLU6)': () => ({
    model: new MobileNetV2({ widthMult: 0.1, numClasses: 5 }),
    x: randn([2, 3, 32, 32]),
    out: [2, 5],
  }),
  ResNet: () => ({
    model: new ResNet({ layers: [1, 1, 1, 1], numClasses: 5 }),
    x: randn([2, 3, 32, 32]),
    out: [2, 5],
  }),
  'ResNet (bottlenecks)': () => ({
    model: new ResNet({ layers: [1, 1, 1, 1], block: Bottleneck, numClasses: 5 }),
    x: randn([2, 3, 16, 16]),
    out: [2, 5],
  }),
  ShuffleNetV2: () => ({
    model: new ShuffleNetV2({ stages: [2, 1, 1], channels: [8, 16, 24, 32, 40], numClasses: 5 }),
    x: randn([2, 3, 32, 32]),
    out: [2, 5],
  }),
  SqueezeNet: () => ({
    model: new SqueezeNet({ version: '1.1', numClasses: 5 }),
    x: randn([2, 3, 36, 36]),
    out: [2, 5],
  }),
  M5: () => ({
    model: new M5({ width: 4, numClasses: 5 }),
    x: randn([2, 1, 8000]),
    out: [2, 1, 5],
  }),
  UNet: () => ({
    model: new UNet({ width: 4, nClasses: 3 }),
    // Not divisible by 16: what goes up is padded.
    x: randn([1, 3, 20, 32]),
    out: [1, 3, 20, 32],
  }),
  'UNet (bilinear)': () => ({
    model: new UNet({ width: 4, nClasses: 3, bilinear: true }),
    x: randn([2, 3, 32, 32]),
    out: [2, 3, 32, 32],
  }),
  EfficientNet: () => ({
    model: new EfficientNet({ widthMult: 0.1, depthMult: 0.5, stochasticDepth: 0, numClasses: 5 }),
    x: randn([2, 3, 32, 32]),
    out: [2, 5],
  }),
  MobileNetV3: () => ({
    model: new MobileNetV3({ widthMult: 0.1, numClasses: 5 }),
    x: randn([2, 3, 32, 32]),
    out: [2, 5],
  }),
};

describe.each(Object.entries(models))('%s', (name, create) => {
  test('output shape, in training and in evaluation', () => {
    const { model, x, out } = create();
    expect(shapeOf(model, x)).toEqual(out);
    expect(shapeOf(model.eval(), x)).toEqual(out);
  });

  test('fuseModel in evaluation folds batch normalisation and keeps the outputs', () => {
    const { model, x } = create();
    for (let i = 0; i < 3; i++) model.call(x); // Running statistics of their own.
    model.eval();
    const before = noGrad(() => model.call(x)).dataSync();
    model.fuseModel();
    const after = noGrad(() => model.call(x)).dataSync();
    expect(model.modules().some((m) => m instanceof BatchNorm)).toBe(false);
    after.forEach((value, i) => {
      expect(value).toBeCloseTo(before[i], 4);
    });
  });

  test('fuseModel in training keeps batch normalisation, to be trained on', () => {
    const { model, x } = create();
    const norms = model.modules().filter((m) => m instanceof BatchNorm);
    model.fuseModel();
    expect(model.modules().filter((m) => m instanceof BatchNorm)).toEqual(norms);
    model.qconfig = getDefaultQatQConfig('qnnpack');
    const prepared = prepareQat(model);
    const plain = prepared
      .modules()
      .filter((m) => m.constructor === BatchNorm1d || m.constructor === BatchNorm2d);
    const folding = prepared.modules().filter((m) => m instanceof qat.ConvBn1d || m instanceof qat.ConvBn2d);
    expect(folding.length).toBe(plain.length);
    prepared.call(x).square().mean().backward();
    expect(prepared.parameters().every((p) => p.grad)).toBe(true);
  });

  test('its int8 form computes on integers from stub to stub', async () => {
    const { model, x, out } = create();
    const int8 = await toInt8(model, x);
    expect(shapeOf(int8, x)).toEqual(out);
    const calls = kernelCalls(int8, x);
    const from = calls.findIndex(({ kernel }) => kernel === 'quantize');
    const to = calls.findIndex(({ kernel }) => kernel === 'dequantize');
    // A keyword spotter's log-softmax comes after the integers.
    expect(to).toBe(calls.length - (name === 'M5' ? 2 : 1));
    const inside = calls.slice(from + 1, to);
    expect(inside.length).toBeGreaterThan(5);
    expect(inside.filter(({ dtypes }) => dtypes.includes('float32'))).toEqual([]);
    expect(inside.map(({ kernel }) => kernel)).toContain(
      /^(ShuffleNetV2|SqueezeNet|M5|UNet)/.test(name) ? 'qmaxPool2d' : 'qadd',
    );
  });
});

test('ConvBNReLU keeps the size at stride 1, for every odd kernel', () => {
  for (const kernelSize of [1, 3, 5]) {
    expect(shapeOf(new ConvBNReLU(3, 4, { kernelSize }), ones([1, 3, 7, 7]))).toEqual([1, 4, 7, 7]);
  }
  expect(shapeOf(new ConvBNReLU(4, 4, { stride: 2, groups: 4 }), ones([1, 4, 8, 8]))).toEqual([1, 4, 4, 4]);
});

test('InvertedResidual adds its input exactly where the shape stays', () => {
  const x = randn([1, 4, 5, 5]);
  for (const Block of [InvertedResidual, QInvertedResidual]) {
    const block = new Block(4, 4, 1, 2).eval();
    const [sum, branch] = noGrad(() => [block.call(x), block.conv.call(x)]);
    expect(sum.sub(branch).sub(x).abs().amax().itemSync()).toBeLessThan(1e-6);
    expect(new Block(4, 6, 1, 2).useRes).toBe(false);
    expect(new Block(4, 4, 2, 2).useRes).toBe(false);
  }
});

test('the state dict of TutorialNet has the names of PyTorch', () => {
  const keys = Object.keys(new TutorialNet([[3, 4, 1, 2]]).stateDict());
  const norm = (path: string) =>
    ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'].map((name) => `${path}.${name}`);
  expect(keys).toEqual([
    'layers.0.conv.0.0.weight',
    ...norm('layers.0.conv.0.1'),
    'layers.0.conv.1.0.weight',
    ...norm('layers.0.conv.1.1'),
    'layers.0.conv.2.weight',
    ...norm('layers.0.conv.3'),
  ]);
});

test('the state dict of int8 TutorialNet has the names of PyTorch', async () => {
  const int8 = await toInt8(new TutorialNet([[3, 3, 1, 2]]), randn([1, 3, 6, 6]));
  const layer = (path: string) => ['weight', 'bias', 'scale', 'zero_point'].map((name) => `${path}.${name}`);
  expect(Object.keys(int8.stateDict()).sort()).toEqual(
    [
      ...layer('layers.0.conv.0.0'),
      ...layer('layers.0.conv.1.0'),
      ...layer('layers.0.conv.2'),
      'layers.0.skip_add.scale',
      'layers.0.skip_add.zero_point',
      'quant.scale',
      'quant.zero_point',
    ].sort(),
  );
  expect(int8.layers.getSubmodule('0.conv.0.0')).toBeInstanceOf(quantized.ConvReLU2d);
  expect(int8.layers.getSubmodule('0.conv.3')).toBeInstanceOf(Identity);
});

test('TutorialNet as the tutorial has it', () => {
  const model = new TutorialNet();
  expect(model.layers).toBeInstanceOf(Sequential);
  expect(shapeOf(model, randn([1, 3, 8, 8]))).toEqual([1, 256, 2, 2]);
  expect(model.layers.children().some((block) => (block as QInvertedResidual).useRes)).toBe(false);
  model.eval();
  model.fuseModel();
  const fused = model.modules().filter((m) => m instanceof intrinsic.ConvReLU2d);
  expect(fused.length).toBe(12);
});

describe('mobilenetV2', () => {
  test('layout, names and number of parameters are those of torchvision', () => {
    const model = mobilenetV2();
    const state = model.stateDict();
    expect(model.parameters().reduce((sum, p) => sum + p.numel, 0)).toBe(3_504_872);
    expect(Object.keys(state).length).toBe(314);
    const shapes = {
      'features.0.0.weight': [32, 3, 3, 3],
      'features.0.1.running_mean': [32],
      'features.1.conv.0.0.weight': [32, 1, 3, 3],
      'features.1.conv.1.weight': [16, 32, 1, 1],
      'features.1.conv.2.bias': [16],
      'features.2.conv.0.0.weight': [96, 16, 1, 1],
      'features.2.conv.3.num_batches_tracked': [],
      'features.17.conv.2.weight': [320, 960, 1, 1],
      'features.18.0.weight': [1280, 320, 1, 1],
      'classifier.1.weight': [1000, 1280],
      'classifier.1.bias': [1000],
    };
    for (const [name, shape] of Object.entries(shapes)) expect(state[name]?.shape, name).toEqual(shape);
  });

  test('width is rounded to eights, the last layer never narrower than 1280', () => {
    const state = mobilenetV2({ widthMult: 0.35 }).stateDict();
    expect(state['features.0.0.weight'].shape).toEqual([16, 3, 3, 3]);
    expect(state['features.18.0.weight'].shape).toEqual([1280, 112, 1, 1]);
    expect(mobilenetV2({ widthMult: 1.4 }).stateDict()['classifier.1.weight'].shape).toEqual([1000, 1792]);
  });

  test('pretrained weights are loaded, and must fit', () => {
    const source = mobilenetV2({ widthMult: 0.1, numClasses: 3 });
    const model = mobilenetV2({ widthMult: 0.1, numClasses: 3, pretrained: source.stateDict() });
    const name = 'features.5.conv.1.0.weight';
    expect(model.stateDict()[name].dataSync()).toEqual(source.stateDict()[name].dataSync());
    expect(() => mobilenetV2({ widthMult: 0.1, numClasses: 4, pretrained: source.stateDict() })).toThrow(
      /classifier\.1\.weight/,
    );
  });
});

describe('resnet18', () => {
  test('layout, names and number of parameters are those of torchvision', () => {
    const model = resnet18();
    const state = model.stateDict();
    expect(model.parameters().reduce((sum, p) => sum + p.numel, 0)).toBe(11_689_512);
    expect(Object.keys(state).length).toBe(122);
    const shapes = {
      'conv1.weight': [64, 3, 7, 7],
      'bn1.running_mean': [64],
      'layer1.0.conv1.weight': [64, 64, 3, 3],
      'layer1.1.bn2.num_batches_tracked': [],
      'layer2.0.downsample.0.weight': [128, 64, 1, 1],
      'layer2.0.downsample.1.bias': [128],
      'layer4.1.conv2.weight': [512, 512, 3, 3],
      'fc.weight': [1000, 512],
      'fc.bias': [1000],
    };
    for (const [name, shape] of Object.entries(shapes)) expect(state[name]?.shape, name).toEqual(shape);
    expect(Object.keys(state).filter((name) => name.startsWith('layer1.0.downsample'))).toEqual([]);
  });

  test('pretrained weights are loaded, and must fit', () => {
    const source = resnet18({ numClasses: 3 });
    const model = resnet18({ numClasses: 3, pretrained: source.stateDict() });
    expect(model.fc.weight.dataSync()).toEqual(source.fc.weight.dataSync());
    expect(() => resnet18({ numClasses: 4, pretrained: source.stateDict() })).toThrow(/fc\.weight/);
  });
});

const parametersOf = (model: Module) => model.parameters().reduce((sum, p) => sum + p.numel, 0);

test.each([
  ['resnet34', resnet34, 21_797_672],
  ['resnet50', resnet50, 25_557_032],
  ['shufflenetV2x05', shufflenetV2x05, 1_366_792],
  ['shufflenetV2x10', shufflenetV2x10, 2_278_604],
  ['mobilenetV3Small', mobilenetV3Small, 2_542_856],
  ['mobilenetV3Large', mobilenetV3Large, 5_483_032],
  ['efficientnetB0', efficientnetB0, 5_288_548],
  ['squeezenet10', squeezenet10, 1_248_424],
  ['squeezenet11', squeezenet11, 1_235_496],
  ['m5', m5, 26_915],
] as const)(
  '%s has as many parameters as torchvision’s, and takes its weights',
  (name, create, parameters) => {
    expect(parametersOf(skipInit(() => create()))).toBe(parameters);
    const state = skipInit(() => create({ numClasses: 3 })).stateDict();
    const last = Object.keys(state).at(-1) as string;
    state[last].fill_(3);
    const copy = skipInit(() => create({ numClasses: 3, pretrained: state }));
    expect(copy.stateDict()[last].dataSync()).toEqual(state[last].dataSync());
    expect(() => skipInit(() => create({ numClasses: 4, pretrained: state }))).toThrow(last);
    expect(() => create({ classes: 4 } as object)).toThrow(name);
  },
);

test('unet has the layout of milesial/Pytorch-UNet, and takes its weights', () => {
  const model = skipInit(() => unet());
  expect(parametersOf(model)).toBe(31_037_698);
  const {
    'up1.up.weight': up,
    'down1.maxpool_conv.1.double_conv.0.weight': down,
    'outc.conv.bias': out,
  } = model.stateDict();
  expect([up, down, out].map(({ shape }) => shape)).toEqual([[1024, 512, 2, 2], [128, 64, 3, 3], [2]]);
  expect(parametersOf(skipInit(() => unet({ bilinear: true })))).toBe(17_263_042);
  const state = skipInit(() => unet({ width: 2 })).stateDict();
  expect(() => skipInit(() => unet({ width: 2, nClasses: 3, pretrained: state }))).toThrow(
    'outc.conv.weight',
  );
});

test('ShuffleUnit interleaves what passes by with what is changed', () => {
  const unit = new ShuffleUnit(8, 8, 1).eval();
  const x = randn([2, 8, 3, 3]);
  const [y, changed] = noGrad(() => [unit.call(x), unit.branch2.call(x.chunk(2, 1)[1])]);
  for (let c = 0; c < 4; c++) {
    expect(y.select(1, 2 * c).dataSync()).toEqual(x.select(1, c).dataSync());
    expect(y.select(1, 2 * c + 1).dataSync()).toEqual(changed.select(1, c).dataSync());
  }
});

describe('StochasticDepth', () => {
  test('in training drops whole examples and makes up for them', () => {
    const x = ones([4000, 2]);
    const rows = new StochasticDepth(0.25).call(x);
    const [first, second] = [0, 1].map((d) => rows.select(1, d).dataSync());
    expect(first).toEqual(second);
    expect(new Set(first)).toEqual(new Set([0, Math.fround(4 / 3)]));
    expect(Math.abs(first.filter((v) => v === 0).length / 4000 - 0.25)).toBeLessThan(0.03);
  });

  test('in evaluation, and at p 0, gives its input', () => {
    const x = ones([4, 2]);
    expect(new StochasticDepth(0.5).eval().call(x)).toBe(x);
    expect(new StochasticDepth(0).call(x)).toBe(x);
  });

  test('p is a probability', () => {
    expect(() => new StochasticDepth(1.5)).toThrow('StochasticDepth: expected p from 0 to 1, found 1.5');
  });

  test('EfficientNet drops its blocks in proportion to their depth', () => {
    const depths = skipInit(() => efficientnetB0())
      .modules()
      .flatMap((m) => (m instanceof StochasticDepth ? [m.p] : []));
    expect(depths.length).toBe(16);
    depths.forEach((p, i) => {
      expect(p).toBeCloseTo((0.2 * i) / 16, 12);
    });
  });
});

test('the old name of TutorialNet', () => {
  expect(Model).toBe(TutorialNet);
});

test('widths that make no network are refused', () => {
  expect(() => new MobileNetV2({ widthMult: 0 })).toThrow('MobileNetV2: expected widthMult > 0, found 0');
  expect(() => new MobileNetV3({ widthMult: Number.NaN })).toThrow('MobileNetV3: expected widthMult > 0');
  expect(() => new MobileNetV3({ variant: 'tiny' as 'small' })).toThrow('MobileNetV3');
  expect(() => new SqueezeNet({ version: '2.0' as '1.0' })).toThrow('version');
  expect(() => new EfficientNet({ depthMult: -1 })).toThrow('EfficientNet: expected depthMult > 0, found -1');
  expect(() => new ResNet({ block: ConvBNReLU as never })).toThrow('BasicBlock or Bottleneck');
  expect(() => new DigitClassifier({ width: -1 })).toThrow('DigitClassifier: expected width > 0, found -1');
});
