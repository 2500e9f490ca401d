import { ArgumentError, ShapeError } from '@octet/backend';
import { full, Generator, ones, randn, type Tensor, tensor, zeros } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import * as nn from '../src';
import { functional as F } from '../src';
import * as activations from '../src/layers/activations';

const x = randn([2, 4, 6, 6]);
const logits = randn([3, 5]);
const target = tensor([1, 4, 0], { dtype: 'int32' });

describe('computes what its function does', () => {
  const conv = new nn.Conv2d(4, 6, [3, 1], { stride: 2, padding: [1, 0], dilation: [2, 1], groups: 2 });
  const row = new nn.Conv1d(4, 6, 3, { stride: 2, padding: 1, dilation: [3], groups: 2 });
  const up = new nn.ConvTranspose2d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1, groups: 2 });
  const upRow = new nn.ConvTranspose1d(4, 3, 2, { stride: 3, dilation: 2 });
  const rows = randn([2, 4, 11]);
  const linear = new nn.Linear(6, 3);
  const norm = new nn.LayerNorm([6, 6], { eps: 0.1 });
  const weight = tensor([1, 2, 3, 4, 5]);
  const embedding = new nn.Embedding(5, 2);
  test.each<[nn.AnyModule, Tensor[], Tensor]>([
    [
      conv,
      [x],
      F.conv2d(x, conv.weight, conv.bias, { stride: 2, padding: [1, 0], dilation: [2, 1], groups: 2 }),
    ],
    [row, [rows], F.conv1d(rows, row.weight, row.bias, { stride: 2, padding: 1, dilation: 3, groups: 2 })],
    [
      up,
      [x],
      F.convTranspose2d(x, up.weight, up.bias, { stride: 2, padding: 1, outputPadding: 1, groups: 2 }),
    ],
    [upRow, [rows], F.convTranspose1d(rows, upRow.weight, upRow.bias, { stride: 3, dilation: 2 })],
    [new nn.Upsample({ scaleFactor: 2 }), [x], F.interpolate(x, { scaleFactor: 2 })],
    [
      new nn.Upsample({ size: [4, 9], mode: 'bicubic', alignCorners: true }),
      [x],
      F.interpolate(x, { size: [4, 9], mode: 'bicubic', alignCorners: true }),
    ],
    [new nn.ReflectionPad2d([1, 2, 0, 3]), [x], x.pad([1, 2, 0, 3], { mode: 'reflect' })],
    [new nn.ReplicationPad2d(2), [x], x.pad([2, 2, 2, 2], { mode: 'replicate' })],
    [new nn.CircularPad2d(3), [x], x.pad([3, 3, 3, 3], { mode: 'circular' })],
    [new nn.ConstantPad2d(1, 0.5), [x], x.pad([1, 1, 1, 1], 0.5)],
    [new nn.ZeroPad2d([0, 1, 2, 3]), [x], x.pad([0, 1, 2, 3])],
    [new nn.ReflectionPad1d(3), [rows], rows.pad([3, 3], { mode: 'reflect' })],
    [new nn.ReplicationPad1d([1, 4]), [rows], rows.pad([1, 4], { mode: 'replicate' })],
    [new nn.CircularPad1d(2), [rows], rows.pad([2, 2], { mode: 'circular' })],
    [new nn.ConstantPad1d([2, 0], -1), [rows], rows.pad([2, 0], -1)],
    [new nn.ZeroPad1d(1), [rows], rows.pad([1, 1])],
    [new nn.UpsamplingNearest2d({ size: 9 }), [x], F.interpolate(x, { size: 9 })],
    [
      new nn.UpsamplingBilinear2d({ scaleFactor: 1.5 }),
      [x],
      F.interpolate(x, { scaleFactor: 1.5, mode: 'bilinear', alignCorners: true }),
    ],
    [
      new nn.MaxPool1d(3, { stride: 2, padding: [1], dilation: 2 }),
      [rows],
      F.maxPool1d(rows, 3, { stride: 2, padding: 1, dilation: 2 }),
    ],
    [new nn.AvgPool1d(4), [rows], F.avgPool1d(rows, 4)],
    [
      new nn.AvgPool1d([3], { stride: 2, padding: 1, countIncludePad: false }),
      [rows],
      F.avgPool1d(rows, 3, { stride: 2, padding: 1, countIncludePad: false }),
    ],
    [new nn.AdaptiveAvgPool1d(4), [rows], F.adaptiveAvgPool1d(rows, 4)],
    [linear, [x], F.linear(x, linear.weight, linear.bias)],
    [norm, [x], F.layerNorm(x, [6, 6], norm.weight, norm.bias, 0.1)],
    [new nn.ReLU(), [x], F.relu(x)],
    [new nn.ReLU6(), [x], F.relu6(x)],
    [new nn.Hardswish(), [x], F.hardswish(x)],
    [new nn.Hardsigmoid(), [x], F.hardsigmoid(x)],
    [new nn.Sigmoid(), [x], F.sigmoid(x)],
    [new nn.Tanh(), [x], F.tanh(x)],
    [new nn.GELU(), [x], F.gelu(x)],
    [new nn.LeakyReLU(0.3), [x], F.leakyRelu(x, 0.3)],
    [new nn.Hardtanh(-2, 0.5), [x], F.hardtanh(x, -2, 0.5)],
    [new nn.GroupNorm(2, 4, { eps: 0.1 }), [x], F.groupNorm(x, 2, ones([4]), zeros([4]), 0.1)],
    [new nn.InstanceNorm2d(4), [x], F.instanceNorm(x)],
    [
      new nn.InstanceNorm1d(4, { affine: true, trackRunningStats: true }).eval(),
      [x.flatten(2)],
      F.instanceNorm(x.flatten(2), { runningMean: zeros([4]), runningVar: ones([4]), useInputStats: false }),
    ],
    [new nn.RMSNorm([6, 6]), [x], F.rmsNorm(x, [6, 6])],
    [new nn.RMSNorm(6, { eps: 0.5, elementwiseAffine: false }), [x], F.rmsNorm(x, [6], undefined, 0.5)],
    [
      new nn.LocalResponseNorm(2, { alpha: 2, beta: 0.5, k: 3 }),
      [x],
      F.localResponseNorm(x, 2, { alpha: 2, beta: 0.5, k: 3 }),
    ],
    [new nn.GELU({ approximate: 'tanh' }), [x], F.geluTanh(x)],
    [new nn.Threshold(0.5, -3), [x], F.threshold(x, 0.5, -3)],
    [new nn.GLU(1), [x], F.glu(x, 1)],
    [new nn.RReLU(0.1, 0.3).eval(), [x], F.leakyRelu(x, 0.2)],
    [
      new nn.RReLU(0.1, 0.3, { generator: new Generator(3) }),
      [x],
      F.rrelu(x, 0.1, 0.3, { training: true, generator: new Generator(3) }),
    ],
    [new nn.PReLU(), [x], F.leakyRelu(x, 0.25)],
    [new nn.PReLU(4, { init: 0.5 }), [x], F.prelu(x, full([4], 0.5))],
    [new nn.Softmax(1), [logits], F.softmax(logits, 1)],
    [new nn.LogSoftmax(0), [logits], F.logSoftmax(logits, 0)],
    [new nn.MaxPool2d(3, { stride: 2, padding: 1 }), [x], F.maxPool2d(x, 3, { stride: 2, padding: 1 })],
    [new nn.MaxPool2d([2, 3]), [x], F.maxPool2d(x, [2, 3], { stride: [2, 3] })],
    [
      new nn.AvgPool2d(2, { padding: 1, countIncludePad: false }),
      [x],
      F.avgPool2d(x, 2, { stride: 2, padding: 1, countIncludePad: false }),
    ],
    [new nn.AdaptiveAvgPool2d([2, 4]), [x], F.adaptiveAvgPool2d(x, [2, 4])],
    [new nn.Flatten(), [x], x.reshape([2, 144])],
    [new nn.Flatten(0, 1), [x], x.reshape([8, 6, 6])],
    [new nn.Identity(), [x], x],
    [embedding, [target], F.embedding(target, embedding.weight)],
    [new nn.MSELoss({ reduction: 'sum' }), [x, x.mul(2)], F.mseLoss(x, x.mul(2), { reduction: 'sum' })],
    [
      new nn.NLLLoss({ weight, ignoreIndex: 4 }),
      [logits, target],
      F.nllLoss(logits, target, { weight, ignoreIndex: 4 }),
    ],
    [
      new nn.CrossEntropyLoss({ weight, labelSmoothing: 0.1, reduction: 'none' }),
      [logits, target],
      F.crossEntropy(logits, target, { weight, labelSmoothing: 0.1, reduction: 'none' }),
    ],
  ])('%s', (layer, args, expected) => {
    const y: Tensor = layer.call(...args);
    expect(y.shape).toEqual(expected.shape);
    expect(y.dataSync()).toEqual(expected.dataSync());
  });
});

describe('an activation is the function of its name, of the same arguments by default', () => {
  const functions = new Map(Object.entries(F).map(([name, f]) => [name.toLowerCase(), f]));
  test.each(Object.entries(activations))('%s', (name, Layer) => {
    const layer: nn.Module = new Layer();
    const f = functions.get(name.toLowerCase()) as (x: Tensor, ...args: unknown[]) => Tensor;
    expect(layer.call(x).dataSync()).toEqual(f(x).dataSync());
    const numbers = Object.entries(layer).flatMap(([field, v]) =>
      typeof v === 'number' ? [[field, v] as const] : [],
    );
    if (numbers.length === 0) return;
    const others = numbers.map(([, v]) => v * 0.3);
    const other: nn.Module = new (Layer as unknown as new (...args: number[]) => nn.Module)(...others);
    expect(numbers.map(([field]) => (other as unknown as Record<string, number>)[field])).toEqual(others);
    expect(other.call(x).dataSync()).toEqual(f(x, ...others).dataSync());
    expect(other.call(x).dataSync()).not.toEqual(f(x).dataSync());
    for (const [field] of numbers) expect(String(other)).toContain(`${field}=`);
  });
});

describe('has the parameters of PyTorch', () => {
  test.each<[nn.AnyModule, Record<string, number[]>]>([
    [new nn.Conv2d(4, 6, [3, 5], { groups: 2 }), { weight: [6, 2, 3, 5], bias: [6] }],
    [new nn.Conv2d(4, 6, 1, { bias: false }), { weight: [6, 4, 1, 1] }],
    [new nn.ConvTranspose2d(4, 6, [3, 2], { groups: 2 }), { weight: [4, 3, 3, 2], bias: [6] }],
    [new nn.Conv1d(4, 6, 3, { groups: 2 }), { weight: [6, 2, 3], bias: [6] }],
    [new nn.PReLU(3), { weight: [3] }],
    [new nn.GroupNorm(2, 4), { weight: [4], bias: [4] }],
    [new nn.InstanceNorm1d(4), {}],
    [
      new nn.InstanceNorm2d(4, { affine: true, trackRunningStats: true }),
      { weight: [4], bias: [4], running_mean: [4], running_var: [4], num_batches_tracked: [] },
    ],
    [new nn.RMSNorm([2, 3]), { weight: [2, 3] }],
    [new nn.Linear(3, 7), { weight: [7, 3], bias: [7] }],
    [
      new nn.BatchNorm2d(3),
      { weight: [3], bias: [3], running_mean: [3], running_var: [3], num_batches_tracked: [] },
    ],
    [new nn.BatchNorm1d(3, { affine: false, trackRunningStats: false }), {}],
    [new nn.LayerNorm(4), { weight: [4], bias: [4] }],
    [new nn.LayerNorm([4, 5], { bias: false }), { weight: [4, 5] }],
    [new nn.LayerNorm(4, { elementwiseAffine: false }), {}],
    [new nn.Embedding(10, 3), { weight: [10, 3] }],
    [
      new nn.LSTM(3, 5, { numLayers: 2 }),
      {
        weight_ih_l0: [20, 3],
        weight_hh_l0: [20, 5],
        bias_ih_l0: [20],
        bias_hh_l0: [20],
        weight_ih_l1: [20, 5],
        weight_hh_l1: [20, 5],
        bias_ih_l1: [20],
        bias_hh_l1: [20],
      },
    ],
    [new nn.LSTM(3, 5, { bias: false }), { weight_ih_l0: [20, 3], weight_hh_l0: [20, 5] }],
    [new nn.GRU(3, 5, { bias: false }), { weight_ih_l0: [15, 3], weight_hh_l0: [15, 5] }],
    [new nn.CrossEntropyLoss({ weight: ones([3]) }), { weight: [3] }],
    [new nn.CrossEntropyLoss(), {}],
  ])('%s', (layer, shapes) => {
    const entries = Object.entries(layer.stateDict()).map(([key, t]) => [key, t.shape]);
    expect(entries).toEqual(Object.entries(shapes));
  });
});

describe('batch normalisation', () => {
  const batch = (values: number[]) => tensor(values.map((v) => [v]));

  test('follows the batches with momentum', () => {
    const bn = new nn.BatchNorm1d(1, { momentum: 0.5 });
    bn.call(batch([1, 3])); // mean 2, unbiased variance 2
    bn.call(batch([4, 8])); // mean 6, variance 8
    expect(bn.runningMean?.itemSync()).toBe(3.5);
    expect(bn.runningVar?.itemSync()).toBe(4.75);
    expect(bn.numBatchesTracked?.itemSync()).toBe(2);
  });

  test('or averages them all', () => {
    const bn = new nn.BatchNorm1d(1, { momentum: null });
    for (const values of [
      [1, 3],
      [4, 8],
      [0, 2],
    ])
      bn.call(batch(values));
    expect(bn.runningMean?.itemSync()).toBeCloseTo(3);
    expect(bn.runningVar?.itemSync()).toBeCloseTo(4);
  });

  test('uses the running statistics in evaluation', () => {
    const bn = new nn.BatchNorm2d(1, { eps: 0 }).eval();
    bn.runningMean?.fill_(2);
    bn.runningVar?.fill_(4);
    expect(bn.call(tensor([[[[6]]]])).dataSync()).toEqual(Float32Array.of(2));
    expect(bn.numBatchesTracked?.itemSync()).toBe(0);
    bn.resetRunningStats();
    expect(bn.runningVar?.itemSync()).toBe(1);
  });

  test('and the batch if it has none', () => {
    const bn = new nn.BatchNorm1d(1, { trackRunningStats: false, eps: 0 }).eval();
    expect(bn.call(batch([1, 3])).dataSync()).toEqual(Float32Array.of(-1, 1));
  });

  test('learns weight and bias', () => {
    const bn = new nn.BatchNorm2d(4);
    bn.call(x).square().sum().backward();
    expect(bn.weight?.grad?.shape).toEqual([4]);
    expect(bn.bias?.grad?.shape).toEqual([4]);
  });

  test('checks its input', () => {
    expect(() => new nn.BatchNorm2d(4).call(logits)).toThrow(ShapeError);
    expect(() => new nn.BatchNorm1d(4).call(x)).toThrow(ShapeError);
    expect(() => new nn.BatchNorm2d(3).call(x)).toThrow(ShapeError);
  });
});

test('dropout drops in training only, by its generator', () => {
  const layer = new nn.Dropout(0.25, { generator: new Generator(1) });
  const y = layer.call(ones([1000])).dataSync();
  const kept = y.filter((v) => v !== 0);
  expect(kept.every((v) => v === Math.fround(4 / 3))).toBe(true);
  expect(kept.length / 1000).toBeCloseTo(0.75, 1);
  expect(new nn.Dropout(0.25, { generator: new Generator(1) }).call(ones([1000])).dataSync()).toEqual(y);
  expect(
    layer
      .eval()
      .call(ones([3]))
      .dataSync(),
  ).toEqual(Float32Array.of(1, 1, 1));
});

test('the padding row of an embedding learns nothing', () => {
  const layer = new nn.Embedding(3, 2, { paddingIdx: 1 });
  layer
    .call(
      tensor(
        [
          [0, 1],
          [1, 2],
        ],
        { dtype: 'int32' },
      ),
    )
    .sum()
    .backward();
  expect(layer.weight.grad?.dataSync()).toEqual(Float32Array.of(1, 1, 0, 0, 1, 1));
});

describe('refuses arguments that make no sense', () => {
  test.each<[string, () => unknown]>([
    ['groups', () => new nn.Conv2d(4, 6, 3, { groups: 4 })],
    ['channels', () => new nn.Conv2d(0, 6, 3)],
    ['a fraction', () => new nn.Conv2d(4, 6.5, 3)],
    ['a kernel of three', () => new nn.Conv2d(1, 1, [3, 3, 3] as never)],
    ['padding', () => new nn.Conv2d(1, 1, 3, { padding: -1 })],
    ['stride', () => new nn.MaxPool2d(2, { stride: 0 })],
    ['features', () => new nn.Linear(3, -1)],
    ['eps', () => new nn.BatchNorm2d(3, { eps: -1 })],
    ['momentum', () => new nn.BatchNorm2d(3, { momentum: 2 })],
    ['p', () => new nn.Dropout(1.5)],
    ['bounds', () => new nn.Hardtanh(1, -1)],
    ['padding index', () => new nn.Embedding(3, 2, { paddingIdx: 3 })],
    ['smoothing', () => new nn.CrossEntropyLoss({ labelSmoothing: 2 })],
    ['layers', () => new nn.LSTM(3, 4, { numLayers: 0 })],
    ['output size', () => new nn.AdaptiveAvgPool2d(0)],
  ])('%s', (_, make) => {
    expect(make).toThrow(ArgumentError);
  });
});

test('printing shows what isn’t the default', () => {
  expect(String(new nn.Conv2d(3, 6, 3, { padding: [1, 0], dilation: 2, groups: 3, bias: false }))).toBe(
    'Conv2d(3, 6, kernelSize=[3, 3], stride=[1, 1], padding=[1, 0], dilation=[2, 2], groups=3, bias=false)',
  );
  expect(String(new nn.LSTM(3, 4, { numLayers: 2, batchFirst: true }))).toBe(
    'LSTM(3, 4, numLayers=2, batchFirst=true)',
  );
  expect(String(new nn.Embedding(3, 4))).toBe('Embedding(3, 4)');
  expect(String(new nn.BatchNorm2d(3, { momentum: null }))).toContain('momentum=null');
  expect(String(new nn.ReLU())).toBe('ReLU()');
});

test('weights may be switched off and on again', () => {
  const layer = new nn.Linear(2, 1);
  layer.bias = undefined;
  expect(layer.call(zeros([1, 2])).dataSync()).toEqual(Float32Array.of(0));
  layer.bias = new nn.Parameter(ones([1]));
  expect(layer.call(zeros([1, 2])).dataSync()).toEqual(Float32Array.of(1));
  expect(layer.parameters()).toHaveLength(2);
});

test('a transposed convolution gives the size that is asked for', () => {
  const up = new nn.ConvTranspose2d(4, 3, 3, { stride: 2, padding: 1 });
  expect(up.call(x).shape).toEqual([2, 3, 11, 11]);
  expect(up.call(x, [12, 11]).shape).toEqual([2, 3, 12, 11]);
  expect(up.call(x, [2, 3, 12, 12]).shape).toEqual([2, 3, 12, 12]);
  expect(() => up.call(x, [13, 11])).toThrow(/outputSize from \[11,11\] to \[12,12\]/);
  expect(String(up)).toContain('padding=[1, 1]');
});
