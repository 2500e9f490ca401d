import {
  defaultFakeQuant,
  defaultPerChannelWeightFakeQuant,
  defaultPerChannelWeightObserver,
  defaultWeightFakeQuant,
  defaultWeightObserver,
  getDefaultQatQConfig,
  HistogramObserver,
  MinMaxObserver,
  QConfig,
} from '@octet/quantization';

const minMax = MinMaxObserver.withArgs({ dtype: 'quint8' });

/** The recipes by the names that the fixtures give them; `v0` are those with plain FakeQuantize. */
export const qconfigs = {
  ptq_minmax: new QConfig({ activation: minMax, weight: defaultWeightObserver }),
  ptq_minmax_per_channel: new QConfig({ activation: minMax, weight: defaultPerChannelWeightObserver }),
  ptq_histogram_float_range: new QConfig({
    activation: HistogramObserver.withArgs({ histcRange: 'float' }),
    weight: defaultWeightObserver,
  }),
  ptq_qnnpack_histogram_v113: new QConfig({
    activation: HistogramObserver.withArgs({ histcRange: 'int' }),
    weight: defaultWeightObserver,
  }),
  qat_qnnpack: getDefaultQatQConfig('qnnpack'),
  qat_qnnpack_v0: new QConfig({ activation: defaultFakeQuant, weight: defaultWeightFakeQuant }),
  qat_fbgemm: getDefaultQatQConfig('fbgemm'),
  qat_fbgemm_v0: new QConfig({
    activation: defaultFakeQuant.withArgs({ reduceRange: true }),
    weight: defaultPerChannelWeightFakeQuant,
  }),
  tutorial: new QConfig({
    activation: minMax,
    weight: MinMaxObserver.withArgs({ dtype: 'qint8', quantMin: 0, quantMax: 127 }),
  }),
};

export type QConfigName = keyof typeof qconfigs;
