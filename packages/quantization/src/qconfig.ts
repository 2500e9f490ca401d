import { ArgumentError, checkOptions, describe, kind } from '@octet/backend';
import { FakeQuantize, FixedQParamsFakeQuantize, FusedMovingAvgObsFakeQuantize } from './fake-quantize';
import {
  FixedQParamsObserver,
  HistogramObserver,
  MinMaxObserver,
  MovingAverageMinMaxObserver,
  MovingAveragePerChannelMinMaxObserver,
  MSEObserver,
  PerChannelMinMaxObserver,
} from './observers';
import { type ObserverFactory, type ObserverLike, toFactory } from './with-args';

/** How to quantize a layer: what watches (or fake-quantizes) its output, and its weight. */
export class QConfig {
  readonly activation: ObserverFactory;
  readonly weight: ObserverFactory;

  /** Classes or `Class.withArgs({ … })`. @throws QuantizationError for an instance */
  constructor(options: { activation: ObserverLike; weight: ObserverLike }) {
    const { activation, weight } = checkOptions('QConfig', options, 'activation weight');
    this.activation = toFactory('QConfig', 'activation', activation);
    this.weight = toFactory('QConfig', 'weight', weight);
  }

  get [kind](): string {
    return 'QConfig';
  }
}

// PyTorch's ready-made observers, under its names.
export const defaultObserver = MinMaxObserver.withArgs({ quantMin: 0, quantMax: 127 });
export const defaultWeightObserver = MinMaxObserver.withArgs({
  dtype: 'qint8',
  qscheme: 'perTensorSymmetric',
});
export const defaultHistogramObserver = HistogramObserver.withArgs({ quantMin: 0, quantMax: 127 });
export const defaultPerChannelWeightObserver = PerChannelMinMaxObserver.withArgs({
  dtype: 'qint8',
  qscheme: 'perChannelSymmetric',
});
export const defaultFakeQuant = FakeQuantize.withArgs({
  observer: MovingAverageMinMaxObserver,
  quantMin: 0,
  quantMax: 255,
  dtype: 'quint8',
});
export const defaultWeightFakeQuant = FakeQuantize.withArgs({
  observer: MovingAverageMinMaxObserver,
  quantMin: -128,
  quantMax: 127,
  dtype: 'qint8',
  qscheme: 'perTensorSymmetric',
});
export const defaultPerChannelWeightFakeQuant = FakeQuantize.withArgs({
  observer: MovingAveragePerChannelMinMaxObserver,
  quantMin: -128,
  quantMax: 127,
  dtype: 'qint8',
  qscheme: 'perChannelSymmetric',
  chAxis: 0,
});
export const fusedActivationFakeQuant = FusedMovingAvgObsFakeQuantize.withArgs({
  observer: MovingAverageMinMaxObserver,
  quantMin: 0,
  quantMax: 255,
  dtype: 'quint8',
});
export const fusedWeightFakeQuant = FusedMovingAvgObsFakeQuantize.withArgs({
  observer: MovingAverageMinMaxObserver,
  quantMin: -128,
  quantMax: 127,
  dtype: 'qint8',
  qscheme: 'perTensorSymmetric',
});
export const fusedPerChannelWeightFakeQuant = FusedMovingAvgObsFakeQuantize.withArgs({
  observer: MovingAveragePerChannelMinMaxObserver,
  quantMin: -128,
  quantMax: 127,
  dtype: 'qint8',
  qscheme: 'perChannelSymmetric',
});

/**
 * The recipe of graphs for post-training quantization: ranges of the least squared error, 8 bits, weights per channel from -127 to 127. PyTorch's is
 * `getDefaultQConfig()`.
 */
export const defaultGraphQConfig = new QConfig({
  activation: MSEObserver,
  // From -128 on the scale would be a 127.5th of the largest weight, which 127 then makes smaller by 0.4 %: layer after layer, and always smaller.
  weight: PerChannelMinMaxObserver.withArgs({
    dtype: 'qint8',
    qscheme: 'perChannelSymmetric',
    quantMin: -127,
    quantMax: 127,
  }),
});

/** For outputs from 0 to 1, a Sigmoid's: scale 1/256. */
export const defaultFixedQparamsRange0to1Observer = FixedQParamsObserver.withArgs({
  scale: 1 / 256,
  zeroPoint: 0,
});
/** For outputs from -1 to 1, a Tanh's: scale 1/128, zero point 128. */
export const defaultFixedQparamsRangeNeg1to1Observer = FixedQParamsObserver.withArgs({
  scale: 1 / 128,
  zeroPoint: 128,
});
export const defaultFixedQparamsRange0to1FakeQuant = FixedQParamsFakeQuantize.withArgs({
  observer: defaultFixedQparamsRange0to1Observer,
});
export const defaultFixedQparamsRangeNeg1to1FakeQuant = FixedQParamsFakeQuantize.withArgs({
  observer: defaultFixedQparamsRangeNeg1to1Observer,
});

/** For dynamic quantization: int8 weights per tensor. Of the activation observer only `reduceRange` is read: kernels find the range at run time. */
export const defaultDynamicQConfig = new QConfig({
  activation: MinMaxObserver,
  weight: defaultWeightObserver,
});
/** For dynamic quantization: int8 weights per output channel. */
export const perChannelDynamicQConfig = new QConfig({
  activation: MinMaxObserver,
  weight: defaultPerChannelWeightObserver,
});

/**
 * Which engine a recipe is made for. `qnnpack`: full 8 bits, weights per tensor. `onednn`: full 8 bits, weights per channel.
 * `fbgemm` and `x86`: 7-bit activations (`reduceRange`), weights per channel, in dynamic quantization per tensor.
 */
export type QEngine = 'qnnpack' | 'onednn' | 'fbgemm' | 'x86';

/** The engine whose recipes are the defaults: 8-bit activations, weights per channel, which all backends multiply exactly. */
export const defaultQEngine: QEngine = 'onednn';

type Recipes = Record<'ptq' | 'qat' | 'dynamic', QConfig>;

const sevenBits: Recipes = {
  ptq: new QConfig({
    activation: HistogramObserver.withArgs({ reduceRange: true }),
    weight: defaultPerChannelWeightObserver,
  }),
  qat: new QConfig({
    activation: fusedActivationFakeQuant.withArgs({ reduceRange: true }),
    weight: fusedPerChannelWeightFakeQuant,
  }),
  dynamic: new QConfig({
    activation: MinMaxObserver.withArgs({ reduceRange: true }),
    weight: defaultWeightObserver,
  }),
};

// One line an engine.
const defaults: Record<QEngine, Recipes> = {
  qnnpack: {
    ptq: new QConfig({
      activation: HistogramObserver.withArgs({ reduceRange: false }),
      weight: defaultWeightObserver,
    }),
    qat: new QConfig({ activation: fusedActivationFakeQuant, weight: fusedWeightFakeQuant }),
    dynamic: defaultDynamicQConfig,
  },
  onednn: {
    ptq: new QConfig({
      activation: HistogramObserver.withArgs({ reduceRange: false }),
      weight: defaultPerChannelWeightObserver,
    }),
    qat: new QConfig({ activation: fusedActivationFakeQuant, weight: fusedPerChannelWeightFakeQuant }),
    dynamic: perChannelDynamicQConfig,
  },
  fbgemm: sevenBits,
  x86: sevenBits,
};

/** The engines that recipes are named after. */
export const qEngines = Object.keys(defaults) as readonly QEngine[];

function recipesOf(op: string, engine: QEngine): Recipes {
  if (Object.hasOwn(defaults, engine)) return defaults[engine];
  throw new ArgumentError({
    op,
    expected: `an engine: ${qEngines.join(', ')}`,
    found: describe(engine),
    fix: 'The engine names a recipe; any backend runs what comes of it.',
  });
}

/** PyTorch's recipe for post-training quantization. @throws ArgumentError for an unknown engine */
export function getDefaultQConfig(engine: QEngine = defaultQEngine): QConfig {
  return recipesOf('getDefaultQConfig', engine).ptq;
}

/** PyTorch's recipe for quantization-aware training. @throws ArgumentError for an unknown engine */
export function getDefaultQatQConfig(engine: QEngine = defaultQEngine): QConfig {
  return recipesOf('getDefaultQatQConfig', engine).qat;
}

/**
 * How PyTorch's engine quantizes dynamically: `onednn` with weights per channel; `fbgemm` and `x86` quantize inputs to 7 bits.
 * @throws ArgumentError for an unknown engine
 */
export function getDefaultDynamicQConfig(engine: QEngine = defaultQEngine): QConfig {
  return recipesOf('getDefaultDynamicQConfig', engine).dynamic;
}
