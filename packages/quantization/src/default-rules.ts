/** The rules of the library's own modules: one entry a class, one a fusion pattern. */
import { type Clamp, type KernelTable, QuantizationError, type UnaryName } from '@octet/backend';
import {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  type AnyModule,
  AvgPool1d,
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  CELU,
  ChannelShuffle,
  Conv1d,
  Conv2d,
  ConvTranspose1d,
  ConvTranspose2d,
  Dropout,
  ELU,
  Flatten,
  GELU,
  GLU,
  GRU,
  GRUCell,
  GroupNorm,
  Hardshrink,
  Hardsigmoid,
  Hardswish,
  Identity,
  InstanceNorm1d,
  InstanceNorm2d,
  LayerNorm,
  LeakyReLU,
  Linear,
  LogSigmoid,
  LogSoftmax,
  LSTM,
  LSTMCell,
  MaxPool1d,
  MaxPool2d,
  Mish,
  type Module,
  MultiheadAttention,
  PixelShuffle,
  PixelUnshuffle,
  PReLU,
  ReLU,
  ReLU6,
  RNN,
  RNNCell,
  SELU,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Softshrink,
  Softsign,
  Tanh,
  Tanhshrink,
  Threshold,
  Upsample,
  UpsamplingBilinear2d,
  UpsamplingNearest2d,
} from '@octet/nn/modules';
import type { Tensor } from '@octet/tensor/functional';
import {
  DynamicQuantizedGRUCell,
  DynamicQuantizedLSTMCell,
  DynamicQuantizedRNN,
  DynamicQuantizedRNNCell,
} from './dynamic/cells';
import { DynamicQuantizedGRU } from './dynamic/gru';
import { DynamicQuantizedLinear } from './dynamic/linear';
import { DynamicQuantizedLSTM } from './dynamic/lstm';
import { DynamicQuantizedMultiheadAttention } from './dynamic/multihead-attention';
import { FloatFunctional } from './float-functional';
import type { Conv, ConvTranspose } from './float-layers';
import { foldInto } from './fold-batch-norm';
import type { OutputQparams } from './functional/int8';
import type { DynamicOptions } from './functional/linear';
import {
  AveragePool,
  BNReLU2d,
  ConvBn1d,
  ConvBn2d,
  ConvBnReLU1d,
  ConvBnReLU2d,
  ConvReLU1d,
  ConvReLU2d,
  FusedIdentity,
  LinearBn1d,
  LinearBnReLU1d,
  LinearReLU,
} from './intrinsic';
import { type Conversion, type ModuleClass, type ModuleRule, ModuleRules } from './module-rules';
import { QatConvBn1d, QatConvBnReLU1d } from './qat/conv-bn1d';
import { QatConvBn2d, QatConvBnReLU2d } from './qat/conv-bn2d';
import { QatConv1d, QatConvReLU1d } from './qat/conv1d';
import { QatConv2d, QatConvReLU2d } from './qat/conv2d';
import { QatLinear, QatLinearReLU } from './qat/linear';
import { QatLinearBn1d, QatLinearBnReLU1d } from './qat/linear-bn1d';
import {
  defaultFixedQparamsRange0to1FakeQuant,
  defaultFixedQparamsRangeNeg1to1FakeQuant,
  type QConfig,
} from './qconfig';
import { QuantizableLSTM } from './quantizable/lstm';
import { QuantizableLSTMCell } from './quantizable/lstm-cell';
import { QuantizableMultiheadAttention } from './quantizable/multihead-attention';
import { QuantizedActivation, QuantizedHardswish, QuantizedLeakyReLU } from './quantized/activations';
import { QuantizedAveragePool } from './quantized/average-pool';
import {
  type BatchNormFields,
  QuantizedBatchNorm,
  QuantizedBatchNorm1d,
  QuantizedBatchNorm2d,
  QuantizedBNReLU2d,
} from './quantized/batch-norm';
import type { QuantizedConvNd } from './quantized/conv-nd';
import { QuantizedConvTranspose1d } from './quantized/conv-transpose1d';
import { QuantizedConvTranspose2d } from './quantized/conv-transpose2d';
import { QuantizedConv1d, QuantizedConvReLU1d } from './quantized/conv1d';
import { QuantizedConv2d, QuantizedConvReLU2d } from './quantized/conv2d';
import { QuantizedGLU } from './quantized/glu';
import { QuantizedLinear, QuantizedLinearReLU } from './quantized/linear';
import { QuantizedLSTM } from './quantized/lstm';
import { QuantizedMultiheadAttention } from './quantized/multihead-attention';
import {
  QuantizedGroupNorm,
  QuantizedInstanceNorm1d,
  QuantizedInstanceNorm2d,
  QuantizedLayerNorm,
} from './quantized/norm';
import { QuantizedPReLU } from './quantized/prelu';
import { QFunctional } from './quantized/q-functional';
import { DeQuantize, Quantize } from './quantized/quantize';
import { DeQuantStub, QuantStub } from './stubs';

/** What fuse, prepare, prepareQat, convert, quantizeDynamic and the package inspect know of modules. */
export const defaultModuleRules: readonly ModuleRule[] = [
  {
    float: QuantStub,
    observe: true,
    int8: async (_: QuantStub, at) => new Quantize(await at.output()),
    scalable: true,
  },
  { float: DeQuantStub, int8: () => new DeQuantize(), transparent: true, scalable: true },

  {
    float: Conv2d,
    qat: { type: QatConv2d, from: (conv: Conv2d, q) => new QatConv2d(conv, q) },
    observe: true,
    int8: (conv: Conv2d, at) => int8Conv(QuantizedConv2d, conv, at),
    scaledBy: (conv: Conv2d) => conv,
  },
  {
    float: ConvReLU2d,
    pattern: [Conv2d, ReLU],
    fuse: (conv: Conv2d, relu: ReLU) => new ConvReLU2d(conv, relu),
    fuseQat: (conv: Conv2d, relu: ReLU) => new ConvReLU2d(conv, relu),
    qat: {
      type: QatConvReLU2d,
      from: ({ conv, bounds }: ConvReLU2d, q) => new QatConvReLU2d(conv, q, bounds),
    },
    observe: true,
    int8: (m: ConvReLU2d | QatConvReLU2d, at) =>
      int8Conv(QuantizedConvReLU2d, m instanceof ConvReLU2d ? m.conv : m, at, m.bounds),
    scaledBy: ({ conv }: ConvReLU2d) => conv,
  },
  {
    float: ConvBn2d,
    pattern: [Conv2d, BatchNorm2d],
    fuse: foldInto,
    fuseQat: (conv: Conv2d, bn: BatchNorm2d) => new ConvBn2d(conv, bn),
    trainingOnly: true,
    qat: { type: QatConvBn2d, from: ({ conv, bn }: ConvBn2d, q) => new QatConvBn2d(conv, bn, q) },
    observe: true,
    int8: (m: QatConvBn2d, at) => int8Conv(QuantizedConv2d, m, at),
  },
  {
    float: ConvBnReLU2d,
    pattern: [Conv2d, BatchNorm2d, ReLU],
    fuse: (conv: Conv2d, bn: BatchNorm2d, relu: ReLU) => new ConvReLU2d(foldInto(conv, bn), relu),
    fuseQat: (conv: Conv2d, bn: BatchNorm2d, relu: ReLU) => new ConvBnReLU2d(conv, bn, relu),
    trainingOnly: true,
    qat: {
      type: QatConvBnReLU2d,
      from: ({ conv, bn, bounds }: ConvBnReLU2d, q) => new QatConvBnReLU2d(conv, bn, q, bounds),
    },
    observe: true,
    int8: (m: QatConvBnReLU2d, at) => int8Conv(QuantizedConvReLU2d, m, at, m.bounds),
  },

  {
    float: Conv1d,
    qat: { type: QatConv1d, from: (conv: Conv1d, q) => new QatConv1d(conv, q) },
    observe: true,
    int8: (conv: Conv1d, at) => int8Conv(QuantizedConv1d, conv, at),
    scaledBy: (conv: Conv1d) => conv,
  },
  {
    float: ConvReLU1d,
    pattern: [Conv1d, ReLU],
    fuse: (conv: Conv1d, relu: ReLU) => new ConvReLU1d(conv, relu),
    fuseQat: (conv: Conv1d, relu: ReLU) => new ConvReLU1d(conv, relu),
    qat: {
      type: QatConvReLU1d,
      from: ({ conv, bounds }: ConvReLU1d, q) => new QatConvReLU1d(conv, q, bounds),
    },
    observe: true,
    int8: (m: ConvReLU1d | QatConvReLU1d, at) =>
      int8Conv(QuantizedConvReLU1d, m instanceof ConvReLU1d ? m.conv : m, at, m.bounds),
    scaledBy: ({ conv }: ConvReLU1d) => conv,
  },
  {
    float: ConvBn1d,
    pattern: [Conv1d, BatchNorm1d],
    fuse: foldInto,
    fuseQat: (conv: Conv1d, bn: BatchNorm1d) => new ConvBn1d(conv, bn),
    trainingOnly: true,
    qat: { type: QatConvBn1d, from: ({ conv, bn }: ConvBn1d, q) => new QatConvBn1d(conv, bn, q) },
    observe: true,
    int8: (m: QatConvBn1d, at) => int8Conv(QuantizedConv1d, m, at),
  },
  {
    float: ConvBnReLU1d,
    pattern: [Conv1d, BatchNorm1d, ReLU],
    fuse: (conv: Conv1d, bn: BatchNorm1d, relu: ReLU) => new ConvReLU1d(foldInto(conv, bn), relu),
    fuseQat: (conv: Conv1d, bn: BatchNorm1d, relu: ReLU) => new ConvBnReLU1d(conv, bn, relu),
    trainingOnly: true,
    qat: {
      type: QatConvBnReLU1d,
      from: ({ conv, bn, bounds }: ConvBnReLU1d, q) => new QatConvBnReLU1d(conv, bn, q, bounds),
    },
    observe: true,
    int8: (m: QatConvBnReLU1d, at) => int8Conv(QuantizedConvReLU1d, m, at, m.bounds),
  },

  {
    // No form to train: as in PyTorch, its weight is rounded at conversion alone.
    float: ConvTranspose2d,
    pattern: [ConvTranspose2d, BatchNorm2d],
    fuse: foldInto,
    observe: true,
    int8: (conv: ConvTranspose2d, at) => int8ConvTranspose(QuantizedConvTranspose2d, conv, at),
  },
  {
    // No form to train: as in PyTorch, its weight is rounded at conversion alone.
    float: ConvTranspose1d,
    pattern: [ConvTranspose1d, BatchNorm1d],
    fuse: foldInto,
    observe: true,
    int8: (conv: ConvTranspose1d, at) => int8ConvTranspose(QuantizedConvTranspose1d, conv, at),
  },

  {
    float: Linear,
    qat: { type: QatLinear, from: (linear: Linear, q) => new QatLinear(linear, q) },
    observe: true,
    int8: (linear: Linear, at) => int8Linear(QuantizedLinear, linear, at),
    dynamic: async (linear: Linear, at) =>
      new DynamicQuantizedLinear(linear, await at.weight(linear.weight), dynamicOptions(at.qconfig)),
    scaledBy: (linear: Linear) => linear,
  },
  {
    float: LinearReLU,
    pattern: [Linear, ReLU],
    fuse: (linear: Linear, relu: ReLU) => new LinearReLU(linear, relu),
    fuseQat: (linear: Linear, relu: ReLU) => new LinearReLU(linear, relu),
    qat: {
      type: QatLinearReLU,
      from: ({ linear, bounds }: LinearReLU, q) => new QatLinearReLU(linear, q, bounds),
    },
    observe: true,
    int8: (m: LinearReLU | QatLinearReLU, at) =>
      int8Linear(QuantizedLinearReLU, m instanceof LinearReLU ? m.linear : m, at, m.bounds),
    scaledBy: ({ linear }: LinearReLU) => linear,
  },
  {
    float: LinearBn1d,
    pattern: [Linear, BatchNorm1d],
    fuse: foldInto,
    fuseQat: (linear: Linear, bn: BatchNorm1d) => new LinearBn1d(linear, bn),
    trainingOnly: true,
    qat: { type: QatLinearBn1d, from: ({ linear, bn }: LinearBn1d, q) => new QatLinearBn1d(linear, bn, q) },
    observe: true,
    int8: (m: QatLinearBn1d, at) => int8Linear(QuantizedLinear, m, at),
  },
  {
    float: LinearBnReLU1d,
    pattern: [Linear, BatchNorm1d, ReLU],
    fuse: (linear: Linear, bn: BatchNorm1d, relu: ReLU) => new LinearReLU(foldInto(linear, bn), relu),
    fuseQat: (linear: Linear, bn: BatchNorm1d, relu: ReLU) => new LinearBnReLU1d(linear, bn, relu),
    trainingOnly: true,
    qat: {
      type: QatLinearBnReLU1d,
      from: ({ linear, bn, bounds }: LinearBnReLU1d, q) => new QatLinearBnReLU1d(linear, bn, q, bounds),
    },
    observe: true,
    int8: (m: QatLinearBnReLU1d, at) => int8Linear(QuantizedLinearReLU, m, at, m.bounds),
  },
  // A ReLU6 bounds the output above too: the same modules, with other bounds.
  {
    float: ConvReLU2d,
    pattern: [Conv2d, ReLU6],
    fuse: (conv: Conv2d, relu: ReLU6) => new ConvReLU2d(conv, relu),
    fuseQat: (conv: Conv2d, relu: ReLU6) => new ConvReLU2d(conv, relu),
  },
  {
    float: ConvBnReLU2d,
    pattern: [Conv2d, BatchNorm2d, ReLU6],
    fuse: (conv: Conv2d, bn: BatchNorm2d, relu: ReLU6) => new ConvReLU2d(foldInto(conv, bn), relu),
    fuseQat: (conv: Conv2d, bn: BatchNorm2d, relu: ReLU6) => new ConvBnReLU2d(conv, bn, relu),
  },
  {
    float: ConvReLU1d,
    pattern: [Conv1d, ReLU6],
    fuse: (conv: Conv1d, relu: ReLU6) => new ConvReLU1d(conv, relu),
    fuseQat: (conv: Conv1d, relu: ReLU6) => new ConvReLU1d(conv, relu),
  },
  {
    float: ConvBnReLU1d,
    pattern: [Conv1d, BatchNorm1d, ReLU6],
    fuse: (conv: Conv1d, bn: BatchNorm1d, relu: ReLU6) => new ConvReLU1d(foldInto(conv, bn), relu),
    fuseQat: (conv: Conv1d, bn: BatchNorm1d, relu: ReLU6) => new ConvBnReLU1d(conv, bn, relu),
  },
  {
    float: LinearReLU,
    pattern: [Linear, ReLU6],
    fuse: (linear: Linear, relu: ReLU6) => new LinearReLU(linear, relu),
    fuseQat: (linear: Linear, relu: ReLU6) => new LinearReLU(linear, relu),
  },
  {
    float: LinearBnReLU1d,
    pattern: [Linear, BatchNorm1d, ReLU6],
    fuse: (linear: Linear, bn: BatchNorm1d, relu: ReLU6) => new LinearReLU(foldInto(linear, bn), relu),
    fuseQat: (linear: Linear, bn: BatchNorm1d, relu: ReLU6) => new LinearBnReLU1d(linear, bn, relu),
  },
  {
    float: LSTM,
    // PyTorch's has no projection.
    observed: (lstm: LSTM) => (lstm.projSize > 0 ? undefined : QuantizableLSTM.fromFloat(lstm)),
    dynamic: (lstm: LSTM, at) =>
      DynamicQuantizedLSTM.fromFloat(lstm, (weight) => at.weight(weight), dynamicOptions(at.qconfig)),
  },
  {
    float: GRU,
    dynamic: (gru: GRU, at) =>
      DynamicQuantizedGRU.fromFloat(gru, (weight) => at.weight(weight), dynamicOptions(at.qconfig)),
  },

  {
    float: MultiheadAttention,
    observed: (attention: MultiheadAttention) => QuantizableMultiheadAttention.fromFloat(attention),
    dynamic: (attention: MultiheadAttention, at) => {
      const options = dynamicOptions(at.qconfig);
      const make = {
        weight: (weight: Tensor) => at.weight(weight),
        outProj: async (linear: Linear) =>
          new DynamicQuantizedLinear(linear, await at.weight(linear.weight), options),
      };
      return DynamicQuantizedMultiheadAttention.fromFloat(attention, make, options);
    },
  },

  {
    float: RNN,
    dynamic: (rnn: RNN, at) =>
      DynamicQuantizedRNN.fromFloat(rnn, (weight) => at.weight(weight), dynamicOptions(at.qconfig)),
  },
  {
    float: RNNCell,
    dynamic: (cell: RNNCell, at) =>
      DynamicQuantizedRNNCell.fromFloat(cell, (weight) => at.weight(weight), dynamicOptions(at.qconfig)),
  },
  {
    float: GRUCell,
    dynamic: (cell: GRUCell, at) =>
      DynamicQuantizedGRUCell.fromFloat(cell, (weight) => at.weight(weight), dynamicOptions(at.qconfig)),
  },
  {
    float: LSTMCell,
    observed: (cell: LSTMCell) => QuantizableLSTMCell.fromFloat(cell),
    dynamic: (cell: LSTMCell, at) =>
      DynamicQuantizedLSTMCell.fromFloat(cell, (weight) => at.weight(weight), dynamicOptions(at.qconfig)),
  },
  {
    float: QuantizableLSTM,
    fromObserved: (observed: QuantizableLSTM) => QuantizedLSTM.fromObserved(observed),
  },
  {
    float: QuantizableMultiheadAttention,
    fromObserved: (observed: QuantizableMultiheadAttention, { path }) =>
      QuantizedMultiheadAttention.fromObserved(observed, path),
  },

  {
    float: FloatFunctional,
    observe: true,
    // One that never ran (a block without a residual has one too) needs no scale; QFunctional refuses to be used then.
    int8: async (_: FloatFunctional, at) =>
      at.neverRan ? QFunctional.unused() : new QFunctional(await at.output()),
  },
  { float: Sigmoid, fixed: defaultFixedQparamsRange0to1FakeQuant, int8: () => new Sigmoid() },
  {
    float: Hardsigmoid,
    fixed: defaultFixedQparamsRange0to1FakeQuant,
    int8: () => new Hardsigmoid(),
  },
  {
    float: Softmax,
    fixed: defaultFixedQparamsRange0to1FakeQuant,
    int8: ({ dim }: Softmax) => new Softmax(dim),
  },
  { float: Tanh, fixed: defaultFixedQparamsRangeNeg1to1FakeQuant, int8: () => new Tanh() },
  {
    float: Hardswish,
    observe: true,
    int8: async (_: Hardswish, at) => new QuantizedHardswish(await at.output()),
  },
  {
    float: LeakyReLU,
    observe: true,
    int8: async ({ negativeSlope }: LeakyReLU, at) =>
      new QuantizedLeakyReLU(negativeSlope, await at.output()),
    scalable: true,
  },

  tabled(
    ELU,
    'elu',
    ({ alpha }: ELU) => ({ alpha }),
    ({ alpha }: ELU) => new ELU(alpha),
  ),
  tabled(
    Softplus,
    'softplus',
    ({ beta, threshold }: Softplus) => ({ beta, threshold }),
    ({ beta, threshold }: Softplus) => new Softplus(beta, threshold),
  ),
  tabled(
    Mish,
    'mish',
    () => ({}),
    () => new Mish(),
  ),
  tabled(
    SiLU,
    'silu',
    () => ({}),
    () => new SiLU(),
  ),
  tabled(
    CELU,
    'celu',
    ({ alpha }: CELU) => ({ alpha }),
    ({ alpha }: CELU) => new CELU(alpha),
  ),
  tabled(
    SELU,
    'selu',
    () => ({}),
    () => new SELU(),
  ),
  tabled(
    Softsign,
    'softsign',
    () => ({}),
    () => new Softsign(),
  ),
  tabled(
    LogSigmoid,
    'logSigmoid',
    () => ({}),
    () => new LogSigmoid(),
  ),
  tabled(
    Hardshrink,
    'hardshrink',
    ({ lambd }: Hardshrink) => ({ lambd }),
    ({ lambd }: Hardshrink) => new Hardshrink(lambd),
  ),
  tabled(
    Softshrink,
    'softshrink',
    ({ lambd }: Softshrink) => ({ lambd }),
    ({ lambd }: Softshrink) => new Softshrink(lambd),
  ),
  tabled(
    Tanhshrink,
    'tanhshrink',
    () => ({}),
    () => new Tanhshrink(),
  ),
  tabled(
    Threshold,
    'threshold',
    ({ threshold, value }: Threshold) => ({ threshold, value }),
    ({ threshold, value }: Threshold) => new Threshold(threshold, value),
  ),
  {
    float: GELU,
    observe: true,
    int8: async ({ approximate }: GELU, at) =>
      new QuantizedActivation(
        approximate === 'tanh' ? 'geluTanh' : 'gelu',
        {},
        await at.output(),
        () => new GELU({ approximate }),
      ),
  },

  {
    float: GLU,
    observe: true,
    int8: async ({ dim }: GLU, at) => new QuantizedGLU(dim, await at.output()),
  },

  { float: ReLU, scalable: true },
  // It isn't; equalize follows it all the same, to name it.
  { float: ReLU6, scalable: true },
  { float: Upsample, scalable: true },
  { float: UpsamplingNearest2d, scalable: true },
  { float: UpsamplingBilinear2d, scalable: true },
  { float: MaxPool1d, scalable: true },
  { float: MaxPool2d, scalable: true },
  { float: AvgPool1d, scalable: true },
  { float: AvgPool2d, scalable: true },
  { float: AdaptiveAvgPool1d, scalable: true },
  { float: AdaptiveAvgPool2d, scalable: true },
  {
    float: AveragePool,
    observe: true,
    int8: async ({ pool }: AveragePool, at) => new QuantizedAveragePool(pool, await at.output()),
    scalable: true,
  },
  { float: AdaptiveMaxPool1d, scalable: true },
  { float: AdaptiveMaxPool2d, scalable: true },
  { float: Flatten, scalable: true, transparent: true },
  { float: PixelShuffle, transparent: true },
  { float: PixelUnshuffle, transparent: true },
  { float: ChannelShuffle, transparent: true },
  { float: Dropout, scalable: true, transparent: true },
  { float: Identity, scalable: true, transparent: true },
  { float: FusedIdentity, scalable: true },

  {
    float: BatchNorm1d,
    observe: true,
    int8: async (bn: BatchNorm1d, at) => int8BatchNorm(QuantizedBatchNorm1d, bn, at),
  },
  {
    float: BatchNorm2d,
    observe: true,
    int8: async (bn: BatchNorm2d, at) => int8BatchNorm(QuantizedBatchNorm2d, bn, at),
  },
  {
    float: BNReLU2d,
    pattern: [BatchNorm2d, ReLU],
    fuse: (bn: BatchNorm2d, relu: ReLU) => new BNReLU2d(bn, relu),
    fuseQat: (bn: BatchNorm2d, relu: ReLU) => new BNReLU2d(bn, relu),
    observe: true,
    int8: async ({ bn }: BNReLU2d, at) => int8BatchNorm(QuantizedBNReLU2d, bn, at),
  },
  {
    float: PReLU,
    observe: true,
    int8: async ({ weight }: PReLU, at) =>
      new QuantizedPReLU(weight, Float32Array.from(await weight.data()), await at.output()),
    scalable: true,
  },
  {
    float: LayerNorm,
    observe: true,
    int8: async (norm: LayerNorm, at) => new QuantizedLayerNorm(norm, await at.output()),
  },
  {
    float: GroupNorm,
    observe: true,
    int8: async (norm: GroupNorm, at) => new QuantizedGroupNorm(norm, await at.output()),
  },
  {
    float: InstanceNorm1d,
    observe: true,
    int8: async (norm: InstanceNorm1d, at) =>
      new QuantizedInstanceNorm1d(ownStatistics(norm, at), await at.output()),
  },
  {
    float: InstanceNorm2d,
    observe: true,
    int8: async (norm: InstanceNorm2d, at) =>
      new QuantizedInstanceNorm2d(ownStatistics(norm, at), await at.output()),
  },
  { float: LogSoftmax, floatOnly: true },
];

/**
 * An activation whose int8 form is the table of its row; `attrs` takes the row's attributes from the module, `float` makes another
 * such layer.
 */
function tabled<N extends UnaryName>(
  type: ModuleClass,
  kernel: N,
  // biome-ignore lint/suspicious/noExplicitAny: each entry knows its own module type
  attrs: (module: any) => KernelTable[N]['attrs'],
  // biome-ignore lint/suspicious/noExplicitAny: each entry knows its own module type
  float: (module: any) => Module,
): ModuleRule {
  return {
    float: type,
    observe: true,
    int8: async (module: AnyModule, at) =>
      new QuantizedActivation(kernel, attrs(module), await at.output(), () => float(module)),
  };
}

let defaults: ModuleRules | undefined;

/**
 * The rules of the library, behind a user's own: what `own` says of a class goes first.
 * @throws ArgumentError for what is no list of rules
 */
export function moduleRules(op: string, own?: readonly ModuleRule[]): ModuleRules {
  if (own !== undefined) {
    new ModuleRules(op, own);
    return new ModuleRules(op, [...own, ...defaultModuleRules]);
  }
  if (!defaults) defaults = new ModuleRules(op, defaultModuleRules);
  return defaults;
}

async function int8Conv<C extends Conv, Q extends QuantizedConvNd<C>, B extends [] | [bounds: Clamp]>(
  Int8: new (like: C, weight: Tensor, bias: Tensor | undefined, output: OutputQparams, ...bounds: B) => Q,
  conv: C,
  at: Conversion,
  ...bounds: B
): Promise<Q> {
  const output = await at.output();
  const trained = conv instanceof QatConvBn2d || conv instanceof QatConvBn1d;
  const { weight, bias } = trained ? conv.folded() : conv;
  return new Int8(conv, await at.weight(weight), await at.bias(bias), output, ...bounds).withHostBias(
    at.path,
  );
}

async function int8ConvTranspose<C extends ConvTranspose, Q extends QuantizedConvNd<C>>(
  Int8: new (like: C, weight: Tensor, bias: Tensor | undefined, output: OutputQparams) => Q,
  conv: C,
  at: Conversion,
): Promise<Q> {
  const output = await at.output();
  const weight = await at.weightOfOneScale(conv.weight);
  return new Int8(conv, weight, await at.bias(conv.bias), output).withHostBias(at.path);
}

async function int8Linear(
  Int8: new (
    weight: Tensor,
    bias: Tensor | undefined,
    output: OutputQparams,
    bounds?: Clamp,
  ) => QuantizedLinear,
  linear: Linear,
  at: Conversion,
  bounds?: Clamp,
): Promise<QuantizedLinear> {
  const output = await at.output();
  const { weight, bias } = linear instanceof QatLinearBn1d ? linear.folded() : linear;
  return new Int8(await at.weight(weight), await at.bias(bias), output, bounds).withHostBias(at.path);
}

async function int8BatchNorm<B extends BatchNorm1d | BatchNorm2d>(
  Int8: new (bn: B, numbers: BatchNormFields, output: OutputQparams) => QuantizedBatchNorm,
  bn: B,
  at: Conversion,
): Promise<QuantizedBatchNorm> {
  const output = await at.output();
  return new Int8(bn, await QuantizedBatchNorm.numbersOf(at.path, bn), output);
}

/** @throws QuantizationError for an instance normalisation with running statistics, which the int8 form, as PyTorch's, has not */
function ownStatistics<N extends InstanceNorm1d | InstanceNorm2d>(norm: N, { path }: Conversion): N {
  if (!norm.runningMean) return norm;
  throw new QuantizationError({
    op: 'convert',
    expected: `an instance normalisation without running statistics (${path})`,
    found: 'trackRunningStats: true',
    fix: 'Leave the layer in float, by leaveInFloat().',
  });
}

/** Whether inputs have 7 bits is all that is read of the activation's observer: their range is their own, at every call. */
const dynamicOptions = (qconfig: QConfig): DynamicOptions => ({
  reduceRange: qconfig.activation().reduceRange,
});
