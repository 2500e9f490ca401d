import { addDispatchHook, composable, profiles } from '@octet/backend';
import {
  AvgPool1d,
  BatchNorm1d,
  BatchNorm2d,
  Conv1d,
  Conv2d,
  ConvTranspose1d,
  ConvTranspose2d,
  Dropout,
  Embedding,
  functional,
  GRU,
  GroupNorm,
  InstanceNorm1d,
  InstanceNorm2d,
  LayerNorm,
  Linear,
  LocalResponseNorm,
  LSTM,
  MaxPool1d,
  Module,
  PReLU,
  RMSNorm,
  Sequential,
} from '@octet/nn';
import {
  cat,
  conv2d,
  conv2dRelu,
  full,
  gruLayer,
  interpolate,
  linear,
  lstmLayer,
  manualSeed,
  matmul,
  rand,
  randint,
  randn,
  resample2d,
  scaledDotProductAttention,
  stack,
  sub,
  type Tensor,
  tensor,
  where,
} from '@octet/tensor';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { exportOnnx } from '../src';
import { builders } from '../src/kernels';
import { compare, ort, parse } from './engine';
import { digitsNet, mobileNet, seedNet, trained } from './models';

/** A module of one function. */
class Op extends Module<Tensor[]> {
  readonly parts: Sequential;

  constructor(
    private readonly f: (...inputs: Tensor[]) => Tensor,
    ...parts: Module[]
  ) {
    super();
    this.parts = new Sequential(...parts);
  }

  forward(...inputs: Tensor[]): Tensor {
    return this.f(...inputs);
  }
}

beforeEach(() => void manualSeed(7));

const unary = (f: (x: Tensor) => Tensor, make = () => randn([2, 3, 5, 4]).mul(3)) => ({
  f,
  inputs: () => [make()],
});
const layer = (part: Module, ...shape: number[]) => {
  trained(part);
  return { f: (x: Tensor) => part.call(x), inputs: () => [randn(shape)], parts: [part] };
};
const positive = () => rand([3, 4]).add(0.2);
const two = (f: (a: Tensor, b: Tensor) => Tensor, a: number[], b: number[]) => ({
  f,
  inputs: () => [randn(a), randn(b).abs().add(0.5)],
});

interface OpCase {
  // biome-ignore lint/suspicious/noExplicitAny: of one or two tensors
  f: (...inputs: any[]) => Tensor;
  inputs: () => Tensor[];
  parts?: Module[];
  /** The first opset that has what it takes. */
  least?: number;
}

const cases: Record<string, OpCase> = {
  add: two((a, b) => a.add(b), [2, 3, 4], [2, 3, 4]),
  'add, broadcast': two((a, b) => a.add(b), [2, 1, 4], [3, 1]),
  'add, channels': two((a, b) => a.add(b), [2, 3, 4, 5], [3, 1, 1]),
  sub: two((a, b) => a.sub(b), [2, 3], [1]),
  mul: two((a, b) => a.mul(b), [2, 3, 4, 5], [2, 3, 1, 1]),
  div: two((a, b) => a.div(b), [4, 3], [4, 3]),
  'div by a number': unary((x) => x.div(3)),
  'affine: both': unary((x) => x.affine(2, 3)),
  'affine: scale': unary((x) => x.mul(0.3)),
  'affine: shift': unary((x) => x.add(-2)),
  neg: unary((x) => x.neg()),
  power: two((a, b) => a.abs().pow(b), [2, 3, 4], [3, 1]),
  fmod: two((a, b) => a.mul(3).fmod(b), [2, 3, 4], [3, 1]),
  remainder: two((a, b) => a.mul(3).remainder(b), [2, 3, 4], [3, 1]),
  floorDivide: two((a, b) => a.mul(3).floorDivide(b), [2, 3, 4], [3, 1]),
  'rests of int32': two(
    (a, b) => {
      const [p, q] = [a.mul(9).to('int32'), b.add(1).to('int32')];
      return p.fmod(q).add(p.remainder(q).mul(100)).add(p.floorDivide(q).mul(10000)).to('float32');
    },
    [2, 3, 4],
    [3, 1],
  ),
  atan2: two((a, b) => a.atan2(b.sub(1)), [2, 3, 4], [3, 1]),
  'atan2 on the axes': unary((x) => x.maximum(0).atan2(x.mul(-1).minimum(0))),
  maximum: two((a, b) => a.maximum(b), [2, 3, 4], [3, 1]),
  minimum: two((a, b) => a.minimum(b), [2, 3], [2, 3]),
  'minimum of a number': unary((x) => x.minimum(0.5)),
  ...Object.fromEntries(
    (['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const).map((name) => [
      name,
      two((a, b) => where(a.to('int32')[name](b.to('int32')), a, b), [2, 3, 4], [3, 1]),
    ]),
  ),
  'lt of bool': two((a, b) => where(a.gt(0).lt(b.gt(1)), a, b), [4, 5], [4, 5]),
  logicalAnd: two((a, b) => where(a.gt(0).logicalAnd(b.lt(1)), a, b), [4, 5], [5]),
  logicalOr: two((a, b) => where(a.gt(0).logicalOr(b.lt(1)), a, 0), [4, 5], [4, 5]),
  'logicalXor and logicalNot': two(
    (a, b) => where(a.gt(0).logicalXor(b.lt(1)).logicalNot(), a, b),
    [4, 5],
    [4, 5],
  ),
  'isfinite, isnan': unary((x) => where(x.log().isnan(), 1, x.maskedFill(x.isfinite(), 2))),
  'arithmetic of int32': unary((x) => sub(1, x.to('int32').add(3).mul(2).maximum(-4)).to('float32')),
  exp: unary((x) => x.exp()),
  log: unary((x) => x.log(), positive),
  sqrt: unary((x) => x.sqrt(), positive),
  abs: unary((x) => x.abs()),
  square: unary((x) => x.square()),
  pow: unary((x) => x.pow(1.5), positive),
  sign: unary((x) => x.sign()),
  ...Object.fromEntries(
    (
      [
        'floor',
        'ceil',
        'round',
        'trunc',
        'sin',
        'cos',
        'tan',
        'atan',
        'sinh',
        'cosh',
        'asinh',
        'erf',
        'expm1',
      ] as const
    ).map((name) => [name, unary((x) => x[name]())]),
  ),
  ...Object.fromEntries(
    (['asin', 'acos', 'atanh', 'log1p'] as const).map((name) => [
      name,
      unary(
        (x) => x[name](),
        () => rand([3, 4]).mul(0.9),
      ),
    ]),
  ),
  acosh: unary(
    (x) => x.acosh(),
    () => rand([3, 4]).add(1.1),
  ),
  'rsqrt, reciprocal, log2, log10, exp2': unary(
    (x) => x.rsqrt().add(x.reciprocal()).add(x.log2()).add(x.log10()).add(x.exp2()),
    positive,
  ),
  gather: unary((x) => x.gather(1, tensor(Int32Array.of(0, 2, 2, 1), [1, 4, 1, 1]).expand([2, 4, 5, 2]))),
  'gather of a list': unary((x) => x.indexSelect(2, tensor(Int32Array.of(3, 0, 0)))),
  'gather by several': unary((x) =>
    x.index([null, tensor(Int32Array.of(1, -1)), tensor(Int32Array.of(0, 2))]),
  ),
  scatter: unary((x) =>
    x
      .scatter(1, tensor(Int32Array.of(2, 0), [1, 2, 1, 1]).expand([2, 2, 5, 4]), x.slice(1, 0, 2).mul(2))
      .scatter(0, tensor(new Int32Array(60), [1, 3, 5, 4]), 7),
  ),
  'scatter sums': {
    ...unary((x) => x.indexAdd(3, tensor(Int32Array.of(3)), x.slice(3, 0, 1))),
    least: 16,
  },
  'scatter the largest': {
    ...unary((x) => x.scatterReduce(2, tensor(new Int32Array(24), [2, 3, 1, 4]), x.slice(2, 1, 2), 'amax')),
    least: 18,
  },
  cumsum: unary((x) => x.cumsum(1).add(x.cumsum(-1))),
  prod: unary((x) => x.prod(2)),
  argsort: unary((x) => x.sort(2)[0].add(x.topk(5, { dim: 2 })[0])),
  'argsort as numbers': unary((x) => x.argsort(-1, { descending: true }).to('float32')),
  'tril, triu, norm, std, logsumexp, amin': unary((x) =>
    x
      .tril()
      .add(x.triu(1))
      .norm(2, { dims: 1 })
      .std(1)
      .add(x.logsumexp([1, 2]))
      .add(x.amin([1, 2])),
  ),
  'any, all': unary((x) => where(x.gt(2).any(1), x.gt(-3).all(1).to('float32'), 5)),
  relu: unary((x) => x.relu()),
  relu6: unary((x) => x.relu6()),
  hardswish: unary((x) => x.hardswish()),
  hardsigmoid: unary((x) => x.hardsigmoid()),
  leakyRelu: unary((x) => x.leakyRelu(0.2)),
  gelu: unary((x) => x.gelu()),
  sigmoid: unary((x) => x.sigmoid()),
  tanh: unary((x) => x.tanh()),
  // All functions of one tensor, those without a line of their own by their composites.
  ...Object.fromEntries(
    composable['inference-float'].map((name) => [
      `${name} by default`,
      unary((x) =>
        name === 'threshold'
          ? functional.threshold(x, 0.5, -2)
          : (functional as unknown as Record<string, (x: Tensor) => Tensor>)[name](x),
      ),
    ]),
  ),
  'elu 0.3': unary((x) => functional.elu(x, 0.3)),
  'celu 0.5': unary((x) => functional.celu(x, 0.5)),
  'hardshrink 1': unary((x) => functional.hardshrink(x, 1)),
  'softshrink 1': unary((x) => functional.softshrink(x, 1)),
  'gelu tanh': unary((x) => functional.gelu(x, { approximate: 'tanh' })),
  groupNorm: layer(new GroupNorm(3, 6), 2, 6, 4, 5),
  'groupNorm of channels last': unary(
    (x) => functional.groupNorm(x.contiguous({ memoryFormat: 'channelsLast' }), 3),
    () => randn([2, 6, 4, 5]),
  ),
  instanceNorm: layer(new InstanceNorm2d(3, { affine: true }), 2, 3, 4, 5),
  'instanceNorm, running statistics': layer(
    new InstanceNorm1d(3, { affine: true, trackRunningStats: true }).eval(),
    ...[2, 3, 7],
  ),
  rmsNorm: layer(new RMSNorm([4, 5]), 2, 3, 4, 5),
  localResponseNorm: layer(new LocalResponseNorm(3, { alpha: 0.5 }), 2, 5, 4, 3),
  'localResponseNorm, even': layer(new LocalResponseNorm(4, { alpha: 0.5 }), 2, 5, 4, 3),
  glu: unary((x) => functional.glu(x)),
  prelu: layer(new PReLU(3), 2, 3, 4, 5),
  'prelu of one': layer(new PReLU(), 2, 3),
  clamp: unary((x) => x.clamp(-1, 2)),
  'clamp below': unary((x) => x.clamp(-1)),
  'clamp above': unary((x) => x.clamp(undefined, 1)),
  hardtanh: unary((x) => x.hardtanh()),
  'sum of all': unary((x) => x.sum()),
  'sum of one dim': unary((x) => x.sum(1)),
  'sum of images': unary((x) => x.contiguous({ memoryFormat: 'channelsLast' }).sum([2, 3], true)),
  'sum of dims apart': unary((x) => x.sum([0, 2])),
  'sum of a dim of one': unary(
    (x) => x.sum(1),
    () => randn([3, 1, 2]),
  ),
  mean: unary((x) => x.mean([2, 3])),
  amax: unary((x) => x.amax(-1)),
  'amax, keepDim': unary((x) => x.amax([0, 1], true)),
  argmax: unary((x) => x.argmax(1)),
  'argmax of all': unary((x) => x.argmax()),
  'argmax, keepDim': unary((x) => x.argmax(-1, true)),
  variance: unary((x) => x.var([2, 3])),
  'variance, biased': unary((x) => x.var(1, { correction: 0, keepDim: true })),
  softmax: unary((x) => x.softmax(1)),
  'softmax of images': unary((x) => x.contiguous({ memoryFormat: 'channelsLast' }).softmax(1)),
  'softmax of a dim of one': unary(
    (x) => x.softmax(0),
    () => randn([1, 4]),
  ),
  logSoftmax: unary((x) => x.logSoftmax(-1)),
  'matmul, clamped': two((a, b) => matmul(a, b, { clamp: [-1, 0.5] }), [3, 4], [4, 5]),
  'add, relu': two((a, b) => a.add(b.neg(), { clamp: [0, Number.POSITIVE_INFINITY] }), [2, 3], [3]),
  'mul, relu6': two((a, b) => a.mul(b, { clamp: [0, 6] }), [2, 3], [3]),
  'linear, relu': two(
    (x, w) => linear(x, w, undefined, { clamp: [0, Number.POSITIVE_INFINITY] }),
    [2, 3, 4],
    [5, 4],
  ),
  'conv2d, relu6': two((x, w) => conv2d(x, w, undefined, { clamp: [0, 6] }), [2, 3, 4, 4], [5, 3, 2, 2]),
  matmul: two(matmul, [3, 4], [4, 5]),
  'matmul, batches': two(matmul, [2, 3, 4], [2, 4, 5]),
  'matmul, broadcast': two(matmul, [2, 1, 3, 4], [5, 4, 2]),
  'matmul, transposed': two((a, b) => matmul(a.transpose(0, 1), b.transpose(0, 1)), [4, 3], [5, 4]),
  'matmul, vectors': two(matmul, [4], [4]),
  'matmul, matrix and vector': two(matmul, [2, 3, 4], [4]),
  'scaled attention': unary(
    (x) => matmul(matmul(x, x.transpose(1, 2)).mul(0.5).softmax(-1), x),
    () => randn([2, 5, 4]),
  ),
  cast: unary((x) => x.to('int32').to('float32')),
  'cast to bool': unary((x) => x.relu().to('bool').to('float32')),
  linear: layer(new Linear(4, 5), 3, 4),
  'linear without bias': layer(new Linear(4, 5, { bias: false }), 3, 4),
  'linear over three dims': layer(new Linear(4, 5), 2, 3, 4),
  'linear of a vector': layer(new Linear(4, 5), 4),
  conv1d: layer(new Conv1d(3, 6, 3, { padding: 1 }), 2, 3, 7),
  'conv1d, uneven': layer(
    new Conv1d(4, 6, 3, { stride: 2, padding: 2, dilation: 2, groups: 2, bias: false }),
    1,
    4,
    9,
  ),
  'conv1d of conv1d': layer(
    new Sequential(new Conv1d(3, 4, 3), new BatchNorm1d(4), new Conv1d(4, 2, 1)),
    2,
    3,
    7,
  ),
  convTranspose2d: layer(new ConvTranspose2d(3, 4, 3, { padding: 1 }), 2, 3, 5, 4),
  'convTranspose2d, uneven, in groups': layer(
    new ConvTranspose2d(4, 6, [3, 2], {
      ...{ stride: [2, 3], padding: [1, 0], outputPadding: [1, 2], dilation: [1, 2], groups: 2, bias: false },
    }),
    1,
    4,
    5,
    4,
  ),
  convTranspose1d: layer(new ConvTranspose1d(3, 4, 4, { stride: 3, padding: 1, outputPadding: 2 }), 2, 3, 7),
  'interpolate nearest': unary(
    (x) => interpolate(x, { scaleFactor: 2 }),
    () => randn([2, 3, 4, 5]),
  ),
  'interpolate nearest, smaller': unary(
    (x) => interpolate(x, { size: [3, 7] }),
    () => randn([2, 3, 5, 4]),
  ),
  'interpolate nearest by a fraction': unary(
    (x) => interpolate(x, { scaleFactor: 1.7 }),
    () => randn([1, 3, 5, 4]),
  ),
  'interpolate nearest-exact': unary(
    (x) => interpolate(x, { size: [10, 3], mode: 'nearest-exact' }),
    () => randn([2, 3, 7, 5]),
  ),
  'interpolate bilinear': unary(
    (x) => interpolate(x, { size: [7, 9], mode: 'bilinear' }),
    () => randn([2, 3, 5, 4]),
  ),
  'interpolate bilinear, corners aligned': unary(
    (x) => interpolate(x, { scaleFactor: 2, mode: 'bilinear', alignCorners: true }),
    () => randn([2, 3, 5, 4]),
  ),
  'interpolate bicubic': unary(
    (x) => interpolate(x, { size: [7, 9], mode: 'bicubic' }),
    () => randn([2, 3, 5, 4]),
  ),
  'interpolate linear': unary(
    (x) => interpolate(x, { scaleFactor: 2, mode: 'linear' }),
    () => randn([2, 3, 5]),
  ),
  'pad, reflect': unary(
    (x) => x.pad([1, 2, 0, 1], { mode: 'reflect' }),
    () => randn([2, 3, 4, 5]),
  ),
  'pad, replicate': unary(
    (x) => x.pad([1, 2, 0, 1], { mode: 'replicate' }),
    () => randn([2, 3, 4, 5]),
  ),
  'adaptiveMaxPool2d of unequal windows': unary(
    (x) => functional.adaptiveMaxPool2d(x, [3, 2]),
    () => randn([2, 3, 4, 5]),
  ),
  adaptiveMaxPool1d: unary(
    (x) => functional.adaptiveMaxPool1d(x, 1),
    () => randn([2, 3, 5]),
  ),
  'mean of some dims': unary(
    (x) => x.mean([2, 3]),
    () => randn([2, 3, 4, 5]),
  ),
  'mean of all': unary((x) => x.mean()),
  bilinear: unary(
    (x) => functional.bilinear(x, x, full([4, 5, 5], 0.5)),
    () => randn([2, 5]),
  ),
  'pad of rows, circular': unary(
    (x) => x.pad([1, 2], { mode: 'circular' }),
    () => randn([2, 3, 5]),
  ),
  'resample2d by any weights': unary(
    (x) =>
      resample2d(
        x,
        { index: Int32Array.of(1, 0, 0, 2), weight: Float32Array.of(0.5, 0.25, 0, -1) },
        { index: Int32Array.of(1, 3, 0), weight: Float32Array.of(2, 1, -1) },
        [2, 3],
      ),
    () => randn([2, 3, 3, 4]),
  ),
  maxPool1d: unary(
    (x) => x.maxPool1d(3, { stride: 2, padding: 1, dilation: 2 }),
    () => randn([2, 3, 9]),
  ),
  'maxPool2d, ceil mode': unary(
    (x) => x.maxPool2d(3, { stride: 2, ceilMode: true }),
    () => randn([2, 3, 6, 8]),
  ),
  'avgPool2d, ceil mode': unary(
    (x) => x.avgPool2d(3, { stride: 2, padding: 1, ceilMode: true, countIncludePad: false }),
    () => randn([2, 3, 6, 8]),
  ),
  avgPool1d: unary(
    (x) => x.avgPool1d(3, { stride: 2, padding: 1 }),
    () => randn([2, 3, 9]),
  ),
  adaptiveAvgPool1d: unary(
    (x) => x.adaptiveAvgPool1d(3),
    () => randn([2, 3, 9]),
  ),
  conv2d: layer(new Conv2d(3, 6, 3, { padding: 1 }), 2, 3, 7, 5),
  conv2dRelu: (() => {
    const conv = new Conv2d(3, 6, 3, { padding: 1 });
    const f = (x: Tensor) => conv2dRelu(x, conv.weight, conv.bias, conv.options);
    return { f, inputs: () => [randn([2, 3, 7, 5])], parts: [conv] };
  })(),
  'conv2d, uneven': layer(
    new Conv2d(4, 6, [3, 2], { stride: [2, 1], padding: [0, 1], dilation: [1, 2], groups: 2, bias: false }),
    1,
    4,
    9,
    8,
  ),
  'conv2d, depthwise': layer(new Conv2d(5, 5, 3, { padding: 1, groups: 5 }), 3, 5, 4, 7),
  'batch norm of images': layer(new BatchNorm2d(3), 2, 3, 4, 5),
  'batch norm without parameters': layer(new BatchNorm2d(3, { affine: false }), 2, 3, 4, 5),
  'batch norm of rows': layer(new BatchNorm1d(3), 4, 3),
  'batch norm of sequences': layer(new BatchNorm1d(3), 2, 3, 6),
  dropout: layer(new Dropout(0.5), 4, 4),
  'layer norm': layer(new LayerNorm(4), 2, 3, 4),
  'layer norm over two dims': layer(new LayerNorm([3, 4]), 2, 3, 4),
  'layer norm without parameters': layer(new LayerNorm(4, { elementwiseAffine: false }), 2, 3, 4),
  maxPool2d: unary(
    (x) => x.maxPool2d(2),
    () => randn([1, 3, 7, 6]),
  ),
  'maxPool2d, uneven': unary(
    (x) => x.maxPool2d([3, 2], { stride: [2, 1], padding: [1, 1], dilation: [1, 2] }),
    () => randn([2, 3, 7, 6]).sub(4),
  ),
  avgPool2d: unary(
    (x) => x.avgPool2d(3, { stride: 2, padding: 1 }),
    () => randn([2, 3, 7, 6]),
  ),
  'avgPool2d, padding not counted': unary(
    (x) => x.avgPool2d([2, 3], { padding: 1, countIncludePad: false }),
    () => randn([2, 3, 7, 6]),
  ),
  'adaptiveAvgPool2d to 1': unary(
    (x) => x.adaptiveAvgPool2d(1),
    () => randn([2, 3, 7, 5]),
  ),
  'adaptiveAvgPool2d to a divisor': unary(
    (x) => x.adaptiveAvgPool2d([2, 5]),
    () => randn([2, 3, 6, 5]),
  ),
  cat: two((a, b) => cat([a, b, a], 1), [2, 3, 4], [2, 1, 4]),
  'cat of images': two(
    (a, b) => cat([a.contiguous({ memoryFormat: 'channelsLast' }), b], 1),
    [1, 3, 4, 5],
    [1, 2, 4, 5],
  ),
  'cat with a constant': unary(
    (x) => cat([tensor([[1, 2, 3]]), x], 0),
    () => randn([2, 3]),
  ),
  stack: two((a, b) => stack([a, b], 1), [2, 3], [2, 3]),
  'part of a stack': two((a, b) => stack([a, b], 0).select(0, 1).mul(2), [2, 3], [2, 3]),
  pad: unary(
    (x) => x.pad([1, 2, 0, 1], -1),
    () => randn([2, 3, 4]),
  ),
  'pad, cut': unary(
    (x) => x.pad([-1, 2]),
    () => randn([3, 4]),
  ),
  embedding: (() => {
    const table = new Embedding(7, 4);
    return { f: (i: Tensor) => table.call(i), inputs: () => [randint(0, 7, [2, 3])], parts: [table] };
  })(),
  lstm: {
    f: lstmLayer,
    inputs: () => [randn([3, 2, 20]), randn([20, 5]), randn([2, 5]), randn([2, 5]), randn([20])],
  },
  'lstm without bias, one step': {
    f: lstmLayer,
    inputs: () => [randn([1, 2, 4]), randn([4, 1]), randn([2, 1]), randn([2, 1])],
  },
  gru: {
    f: gruLayer,
    inputs: () => [randn([3, 2, 15]), randn([15, 5]), randn([2, 5]), randn([15])],
  },
  'gru without bias, one step': {
    f: gruLayer,
    inputs: () => [randn([1, 2, 3]), randn([3, 1]), randn([2, 1])],
  },
  attention: {
    f: scaledDotProductAttention,
    inputs: () => [randn([2, 3, 5, 4]), randn([2, 3, 7, 4]), randn([2, 3, 7, 6])],
  },
  'attention of few heads of keys, causal': {
    f: (q, k, v) => scaledDotProductAttention(q, k, v, { isCausal: true, enableGqa: true, scale: 0.3 }),
    inputs: () => [randn([2, 6, 5, 4]), randn([2, 2, 7, 4]), randn([2, 2, 7, 6])],
  },
  'attention without batch, masked, a row throughout': {
    f: (q, k, v) => {
      const attnMask = tensor([
        [true, false, true],
        [false, false, false],
      ]);
      return scaledDotProductAttention(q, k, v, { attnMask });
    },
    inputs: () => [randn([2, 4]), randn([3, 4]), randn([3, 5])],
  },
  'attention of few heads of keys, numbers added': {
    f: (q, k, v, mask) => {
      const none = Number.NEGATIVE_INFINITY;
      const rows = tensor([
        [0, none, 1],
        [none, none, none],
      ]);
      const given = { enableGqa: true };
      const options = { ...given, attnMask: mask };
      const first = scaledDotProductAttention(q, k, v, options);
      return cat([first, scaledDotProductAttention(q, k, v, { ...given, attnMask: rows })], 0);
    },
    inputs: () => [randn([1, 4, 2, 4]), randn([1, 2, 3, 4]), randn([1, 2, 3, 5]), randn([4, 1, 3])],
  },
  'squeeze and excite': unary(
    (x) => x.mul(x.mean([2, 3], true).sigmoid()),
    () => randn([2, 3, 4, 5]),
  ),
  'constants computed on the way': unary((x) => x.add(tensor([1, 2, 3, 4]).exp().softmax(0))),
  'a constant output': unary((x) => cat([x, x], 0).mul(0).add(1)),
};

const seen = new Set<string>();
const stopWatching = addDispatchHook((event, run) => {
  seen.add(event.kernel);
  run();
});
afterAll(stopWatching);

describe.runIf(ort)('float operations in onnxruntime', () => {
  // What older opsets lack is built of other nodes: both ends, and where the form of a node changes.
  for (const opset of [13, 17, 18, 20, 22]) {
    describe(`opset ${opset}`, () => {
      for (const [name, { f, inputs, parts = [], least = 13 }] of Object.entries(cases)) {
        test(name, async () => {
          const model = new Op(f, ...parts).eval();
          if (opset < least) {
            await expect(compare(model, inputs(), { opset })).rejects.toThrow(`opset ${least}`);
            return;
          }
          for (const { difference, want } of await compare(model, inputs(), { opset })) {
            const size = Math.max(1, ...Array.from(want, Math.abs).filter(Number.isFinite));
            expect(difference / size).toBeLessThan(1e-5);
          }
        });
      }
    });
  }

  test('every float kernel that can be exported is among them', () => {
    const floats = [...Object.keys(builders()), ...composable['inference-float']].filter(
      (k) => !profiles['inference-int8'].includes(k as never) || k === 'cast',
    );
    expect(floats.filter((k) => !seen.has(k))).toEqual([]);
  });
});

describe.runIf(ort)('float networks in onnxruntime', () => {
  const networks = {
    seedNet,
    digitsNet,
    'mobileNet, relu6': mobileNet,
    'mobileNet, hardswish': () => mobileNet('hardswish'),
  };
  for (const [name, make] of Object.entries(networks)) {
    for (const [n, h, w] of [
      [1, 17, 23],
      [3, 16, 16],
    ]) {
      test(`${name}, [${n}, ${h}, ${w}]`, async () => {
        const model = trained(make());
        const [{ difference }] = await compare(model, [randn([n, name === 'digitsNet' ? 1 : 3, h, w])]);
        expect(difference).toBeLessThan(1e-4);
      });
    }
  }

  test('LSTM, two layers, with a state: inputs and outputs in order', async () => {
    const model = new LSTM(3, 4, { numLayers: 2, batchFirst: true }).eval();
    class WithState extends Module<Tensor[], [Tensor, Tensor, Tensor]> {
      readonly lstm = model;

      forward(x: Tensor, h: Tensor, c: Tensor): [Tensor, Tensor, Tensor] {
        const [y, state] = this.lstm.call(x, [h, c]);
        return [y, ...state];
      }
    }
    const inputs = [randn([2, 5, 3]), randn([2, 2, 4]), randn([2, 2, 4])];
    for (const module of [model, new WithState().eval()]) {
      const given = module === model ? inputs.slice(0, 1) : inputs;
      for (const { difference } of await compare(module, given)) expect(difference).toBeLessThan(1e-5);
    }
  });

  test.each([
    { options: { numLayers: 2, batchFirst: true }, nodes: 2 },
    { options: { bias: false }, nodes: 1 },
    { options: { numLayers: 2, bidirectional: true }, nodes: 4 },
  ])(
    'GRU with $options: a node for each layer, which makes the inputs’ share too',
    async ({ options, nodes }) => {
      const model = new GRU(3, 4, options).eval();
      class WithState extends Module<Tensor[], [Tensor, Tensor]> {
        readonly gru = model;

        forward(x: Tensor, h: Tensor): [Tensor, Tensor] {
          return this.gru.call(x, h);
        }
      }
      const x = randn([2, 5, 3]);
      const state = randn([nodes, model.batchFirst ? 2 : 5, 4]);
      for (const [module, given] of [
        [model, [x]],
        [new WithState().eval(), [x, state]],
      ] as const) {
        for (const { difference } of await compare(module, [...given])) expect(difference).toBeLessThan(1e-5);
      }
      const { graph } = parse(await exportOnnx(new WithState().eval(), [x, state]));
      const ops = graph.node.map((node) => node.opType);
      expect(ops.filter((op) => op === 'GRU')).toHaveLength(nodes);
      expect(ops).not.toContain('MatMul');
      expect(graph.initializer.map((t) => t.name)).toContain('gru.weight_ih_l0');
    },
  );

  test('float64', async () => {
    const linear = new Linear(4, 3).to('float64').eval();
    const [{ difference }] = await compare(linear, [randn([2, 4], { dtype: 'float64' })]);
    expect(difference).toBeLessThan(1e-12);
  });
});

test.runIf(ort)('layers of rows are nodes of rows', async () => {
  const model = new Sequential(
    new Conv1d(3, 4, 3),
    new BatchNorm1d(4),
    new MaxPool1d(2),
    new AvgPool1d(2),
  ).eval();
  const { graph } = parse(await exportOnnx(model, [randn([1, 3, 18])]));
  expect(graph?.node.map(({ opType }) => opType)).toEqual([
    'Conv',
    'BatchNormalization',
    'MaxPool',
    'AveragePool',
  ]);
  expect(graph?.initializer.map(({ name }) => name)).toContain('0.weight');
});
