import { Conv2d, Linear, LSTM, ReLU, Sequential } from '@octet/nn';
import { full, manualSeed, noGrad, randn, type Tensor, tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  convert,
  defaultWeightObserver,
  FakeQuantize,
  FixedQParamsObserver,
  FusedMovingAvgObsFakeQuantize,
  HistogramObserver,
  LearnableFakeQuantize,
  MinMaxObserver,
  MovingAverageMinMaxObserver,
  MovingAveragePerChannelMinMaxObserver,
  type ObserverLike,
  PerChannelMinMaxObserver,
  prepare,
  prepareQat,
  QConfig,
  QConfigMapping,
  QuantWrapper,
  quantizeDynamic,
} from '../src';

beforeEach(() => void manualSeed(6));

const mapping = (activation: ObserverLike, weight: ObserverLike = defaultWeightObserver) =>
  new QConfigMapping().setGlobal(new QConfig({ activation, weight }));
const build = () => new QuantWrapper(new Sequential(new Linear(2, 3), new ReLU(), new Linear(3, 2))).eval();
const withValue = (value: number) =>
  tensor([
    [1, 2],
    [value, -1],
  ]);

/** Everything that convert in place could change. */
const stateOf = (model: ReturnType<typeof build>) => ({
  text: String(model),
  state: Object.entries(model.stateDict()).map(([key, t]) => [key, [...t.dataSync()]]),
  modes: model.modules().map((m) => [m.training, m.qconfig]),
});

async function refused(model: ReturnType<typeof build>, message: RegExp): Promise<void> {
  const before = stateOf(model);
  for (const inplace of [false, true]) {
    await expect(convert(model, { inplace })).rejects.toThrow(message);
    expect(stateOf(model)).toEqual(before);
  }
}

const activations: [string, ObserverLike][] = [
  ['MinMaxObserver', MinMaxObserver],
  ['MovingAverageMinMaxObserver', MovingAverageMinMaxObserver],
  ['FakeQuantize', FakeQuantize],
  ['FakeQuantize of MinMaxObserver', FakeQuantize.withArgs({ observer: MinMaxObserver })],
  ['FusedMovingAvgObsFakeQuantize', FusedMovingAvgObsFakeQuantize],
  ['LearnableFakeQuantize', LearnableFakeQuantize],
];

describe('convert refuses ranges without a scale, and changes nothing', () => {
  test.each(
    activations.flatMap(([name, observer]) =>
      [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map(
        (v) => [name, v, observer] as const,
      ),
    ),
  )('%s that saw %s', async (_, value, observer) => {
    const model = prepare(build(), mapping(observer));
    model.call(withValue(value));
    model.call(withValue(0));
    await refused(
      model,
      /convert: expected a finite scale > 0.* for quant, found scale (NaN|Infinity).*finite numbers/,
    );
  });

  test('a range as wide as float32', async () => {
    const model = prepare(build(), mapping(MinMaxObserver));
    noGrad(() => model.call(tensor([[3e38, -3e38]])));
    await refused(model, /for quant, found scale Infinity, zero point .* of the range -3\.0*\d*e\+38 to/);
  });

  test('the layer that is broken is named, not the first one', async () => {
    const model = prepare(build(), mapping(MinMaxObserver));
    noGrad(() => (model.module as Sequential).at(2)).registerForwardHook(
      (_, __, y: Tensor) => y.mul(Number.NaN),
      {
        prepend: true,
      },
    );
    model.call(withValue(1));
    await refused(model, /for module\.2, found scale NaN.*range NaN to NaN/);
  });

  test('a minimum above the maximum is refused when it is loaded', () => {
    for (const observer of [MinMaxObserver, FakeQuantize, HistogramObserver] as ObserverLike[]) {
      const model = prepare(build(), mapping(observer));
      model.call(withValue(1));
      const state = model.stateDict();
      const keys = Object.keys(state).filter((key) => /module\.0\..*(min|max)_val/.test(key));
      for (const key of keys) state[key] = full(state[key].shape, key.endsWith('min_val') ? 2 : -2);
      expect(() => model.loadStateDict(state)).toThrow(/module\.0.*max_val/);
    }
  });

  test.each([
    ['a minimum that is NaN', { min_val: Number.NaN, max_val: 2 }],
    ['a maximum that is infinite', { min_val: 0, max_val: Number.POSITIVE_INFINITY }],
  ])('loaded: %s', async (_, range) => {
    for (const observer of [MinMaxObserver, FakeQuantize, HistogramObserver] as ObserverLike[]) {
      const model = prepare(build(), mapping(observer));
      model.call(withValue(1));
      const state = model.stateDict();
      for (const [key, t] of Object.entries(state)) {
        const [field, value] =
          Object.entries(range).find(([name]) => key.startsWith('module.0.') && key.endsWith(name)) ?? [];
        if (field) state[key] = full(t.shape, value as number);
      }
      model.loadStateDict(state);
      await expect(convert(model)).rejects.toThrow(/convert: .*module\.0/);
    }
  });

  test.each([
    [0, 0],
    [-1, 0],
    [Number.NaN, 0],
    [Number.POSITIVE_INFINITY, 0],
    [1e-39, 0],
    [1e-50, 0],
    [0.1, 256],
    [0.1, -1],
  ])('a fixed scale %s and zero point %s', async (scale, zeroPoint) => {
    const model = prepare(build(), mapping(FixedQParamsObserver.withArgs({ scale: 1, zeroPoint: 0 })));
    model.call(withValue(1));
    for (const m of model.modules()) {
      if (!(m instanceof FixedQParamsObserver)) continue;
      m.scale.fill_(scale);
      m.zeroPoint.fill_(zeroPoint);
    }
    await refused(model, /for quant, found scale/);
  });

  test('a scale that was learned', async () => {
    const model = prepareQat(build().train(), mapping(LearnableFakeQuantize, defaultWeightObserver));
    model.call(withValue(1));
    for (const m of model.modules()) if (m instanceof LearnableFakeQuantize) m.enableParamLearning();
    noGrad(() =>
      (
        model.quant as unknown as { activationPostProcess: LearnableFakeQuantize }
      ).activationPostProcess.scale.fill_(Number.NaN),
    );
    await refused(model, /for quant, found scale NaN/);
  });

  test.each<[string, ObserverLike, ObserverLike]>([
    ['MinMaxObserver', defaultWeightObserver, MinMaxObserver],
    [
      'PerChannelMinMaxObserver',
      PerChannelMinMaxObserver.withArgs({ dtype: 'qint8', qscheme: 'perChannelSymmetric' }),
      MinMaxObserver,
    ],
    [
      'a fake quantizer for each channel',
      FakeQuantize.withArgs({
        observer: MovingAveragePerChannelMinMaxObserver,
        dtype: 'qint8',
        qscheme: 'perChannelSymmetric',
      }),
      FakeQuantize,
    ],
  ])('a weight with NaN or infinity: %s', async (_, weight, activation) => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const float = build();
      // Calibrated while it was sound.
      const model =
        activation === FakeQuantize
          ? prepareQat(float.train(), mapping(activation, weight))
          : prepare(float, mapping(activation, weight));
      model.call(withValue(1));
      noGrad(() => {
        const { weight } = model.getSubmodule('module.2') as unknown as Linear;
        weight.copy_(
          tensor([
            [1, 2, 3],
            [1, value, 1],
          ]),
        );
      });
      await refused(model, /convert: expected a finite scale > 0.* for module\.2\.weight, found scale/);
    }
  });

  test('a bias with NaN or infinity', async () => {
    for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
      const model = prepare(build(), mapping(MinMaxObserver));
      model.call(withValue(1));
      noGrad(() => (model.getSubmodule('module.2') as unknown as Linear).bias?.copy_(tensor([1, value])));
      await refused(model, /convert: expected a finite bias \(module\.2\.bias\), found (NaN|-Infinity)\./);
    }
  });

  test('an activation’s observer with a scale for each channel', async () => {
    const model = prepare(
      new QuantWrapper(new ReLU()).eval(),
      mapping(PerChannelMinMaxObserver.withArgs({ chAxis: 1 })),
    ) as never as ReturnType<typeof build>;
    model.call(withValue(1));
    await refused(model, /quint8 activations, per tensor \(quant\), found quint8, per channel/);
  });

  test('what was calibrated on zeros, one number or nothing is no mistake', async () => {
    for (const value of [0, 3, -1e-30]) {
      const model = prepare(build(), mapping(MinMaxObserver));
      noGrad(() => model.call(full([2, 2], value)));
      await convert(model);
    }
    await convert(prepare(build(), mapping(MinMaxObserver)), { requireCalibration: false });
    const symmetric = MinMaxObserver.withArgs({ qscheme: 'perTensorSymmetric', reduceRange: true });
    const model = prepare(new QuantWrapper(new Conv2d(1, 1, 1)).eval(), mapping(symmetric));
    model.call(randn([1, 1, 2, 2]));
    await convert(model);
  });

  test('quantizeDynamic', async () => {
    const model = new Sequential(new Linear(2, 2), new Linear(2, 2));
    noGrad(() => (model.at(1) as Linear).weight.fill_(Number.NaN));
    for (const inplace of [false, true]) {
      await expect(quantizeDynamic(model, { inplace })).rejects.toThrow(
        /quantizeDynamic: expected a finite scale > 0.* for 1\.weight, found scale NaN/,
      );
      expect(model.at(0)).toBeInstanceOf(Linear);
      expect(model.training).toBe(true);
    }
    const lstm = new Sequential(new LSTM(2, 2) as never);
    noGrad(() => (lstm.at(0) as unknown as LSTM).weightHhL0.fill_(Number.NaN));
    await expect(quantizeDynamic(lstm)).rejects.toThrow(/for 0\.weight/);
  });
});
