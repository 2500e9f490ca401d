import { DTypeError, QuantizationError } from '@octet/backend';
import { BatchNorm2d, Conv2d, GELU, Linear, LogSoftmax, Module, Sequential } from '@octet/nn';
import { manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  convert,
  defaultObserver,
  defaultWeightObserver,
  FakeQuantize,
  FloatFunctional,
  getDefaultQatQConfig,
  getDefaultQConfig,
  HistogramObserver,
  MinMaxObserver,
  NoopObserver,
  PerChannelMinMaxObserver,
  prepare,
  prepareQat,
  QConfig,
  QConfigMapping,
  quantizeDynamic,
  quantized,
  RecordingObserver,
} from '../src';
import { SmallNet } from './models';

beforeEach(() => void manualSeed(3));
afterEach(() => vi.restoreAllMocks());

describe('the known mistakes say their fix', () => {
  test('an observer instance where a class belongs', () => {
    const instance = new MinMaxObserver() as never;
    expect(() => new QConfig({ activation: instance, weight: defaultWeightObserver })).toThrow(
      QuantizationError,
    );
    expect(() => new QConfig({ activation: instance, weight: defaultWeightObserver })).toThrow(
      /an instance of MinMaxObserver.*Pass the class/,
    );
  });

  test('prepareQat in evaluation mode, prepare in training mode', () => {
    const model = new SmallNet();
    model.qconfig = getDefaultQatQConfig();
    expect(() => prepareQat(model.eval())).toThrow(/training mode.*model\.train\(\)/);
    expect(() => prepare(model.train())).toThrow(/evaluation mode.*model\.eval\(\)/);
  });

  test('prepareQat with plain observers warns once, and goes on', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const plain = new QConfig({
      activation: MinMaxObserver.withArgs({ dtype: 'quint8' }),
      weight: defaultObserver.withArgs({ dtype: 'qint8' }),
    });
    for (let i = 0; i < 2; i++) {
      const model = new SmallNet().eval().fuseModel().train();
      model.qconfig = plain;
      const prepared = prepareQat(model);
      prepared
        .call(randn([2, 3, 6, 6]))
        .mean()
        .backward();
      const x = randn([1, 3, 6, 6]);
      const int8 = await convert(prepared.eval());
      expect(noGrad(() => int8.call(x)).shape).toEqual([1, 4]);
    }
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0][0]).toMatch(/MinMaxObserver.*getDefaultQatQConfig/);
  });

  test('the default QAT recipe does not warn', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const model = new SmallNet();
    model.qconfig = getDefaultQatQConfig('qnnpack');
    prepareQat(model.fuseModel());
    expect(warn).not.toHaveBeenCalled();
  });

  test('convert before prepare, and before calibration', async () => {
    const model = new SmallNet().eval();
    await expect(convert(model)).rejects.toThrow(/one without any.*prepare\(\)/);
    model.qconfig = getDefaultQConfig();
    const prepared = prepare(model.fuseModel());
    await expect(convert(prepared)).rejects.toThrow(/saw none: quant, stem\.0, .*Run calibration batches/);
    expect(prepared.getSubmodule('stem.0').constructor.name).toBe('ConvReLU2d');
  });

  test('an int8 tensor reaching a float layer', async () => {
    const model = new SmallNet().eval();
    const mapping = new QConfigMapping().setGlobal(getDefaultQConfig('qnnpack')).exclude('head');
    const prepared = prepare(model.fuseModel(), mapping);
    prepared.call(randn([2, 3, 6, 6]));
    const int8 = await convert(prepared);
    expect(() => int8.call(randn([1, 3, 6, 6]))).toThrow(DTypeError);
    expect(() => int8.call(randn([1, 3, 6, 6]))).toThrow(
      /linear in head \(Linear\): expected float32, found a quantized tensor.*DeQuantStub/,
    );
  });

  test('a float tensor reaching an int8 layer', async () => {
    const model = new Sequential(new Conv2d(3, 4, 3)).eval();
    model.qconfig = getDefaultQConfig('qnnpack');
    const prepared = prepare(model);
    prepared.call(randn([1, 3, 5, 5]));
    const int8 = await convert(prepared);
    expect(() => int8.call(randn([1, 3, 5, 5]))).toThrow(/quint8 activation, found float32.*QuantStub/);
  });

  test('no recipe, a recipe of the wrong kind, preparing twice, an unknown path', () => {
    const model = new SmallNet().eval();
    expect(() => prepare(model)).toThrow(/a QConfig, found none.*getDefaultQConfig/);
    expect(() => prepare(model, getDefaultQConfig() as never)).toThrow(/a QConfigMapping/);
    expect(() => prepare(model, new QConfigMapping().exclude('haed').setGlobal(getDefaultQConfig()))).toThrow(
      /'haed'/,
    );
    const prepared = prepare(model, new QConfigMapping().setGlobal(getDefaultQConfig()));
    expect(() => prepare(prepared)).toThrow(/prepared before/);
  });

  test('dtypes that int8 kernels do not take', async () => {
    const net = () => new SmallNet().eval().fuseModel();
    const calibrated = (qconfig: QConfig) => {
      const model = net();
      model.qconfig = qconfig;
      const prepared = prepare(model);
      prepared.call(randn([1, 3, 6, 6]));
      return convert(prepared);
    };
    await expect(
      calibrated(
        new QConfig({
          activation: MinMaxObserver.withArgs({ dtype: 'qint8' }),
          weight: defaultWeightObserver,
        }),
      ),
    ).rejects.toThrow(/quint8 activations/);
    await expect(
      calibrated(new QConfig({ activation: MinMaxObserver, weight: MinMaxObserver })),
    ).rejects.toThrow(/a qint8 weight \(stem\.0\)/);
  });

  test('observer options', () => {
    expect(() => new MinMaxObserver({ quantMin: 10, quantMax: 3 })).toThrow(/quantMin < quantMax/);
    expect(() => new MinMaxObserver({ quantMin: 0, quantMax: 300 })).toThrow(/<= 255/);
    expect(() => new MinMaxObserver({ qscheme: 'perChannelAffine' })).toThrow(/PerChannel observer/);
    expect(() => new PerChannelMinMaxObserver({ qscheme: 'perTensorAffine' })).toThrow(/without PerChannel/);
    expect(() => new HistogramObserver({ bins: 0 })).toThrow(/bins/);
    expect(() => new FakeQuantize({ observer: FakeQuantize })).toThrow(/an observer, found a fake quantizer/);
    expect(() => new NoopObserver().calculateQparams()).toThrow(/watches nothing/);
    expect(() => new RecordingObserver().calculateQparams()).toThrow(/only records/);
  });

  test('NaN in calibration data', () => {
    const observer = new HistogramObserver();
    const x = randn([4]);
    expect(() => observer.call(x.sub(x).div(x.sub(x)))).toThrow(/finite values/);
  });

  test('a layer that quantizeDynamic does not know', async () => {
    await expect(quantizeDynamic(new Sequential(new Linear(3, 3)), { layers: [Conv2d] })).rejects.toThrow(
      /Linear, LSTM, .*found Conv2d/,
    );
  });
});

describe('an int8 tensor that reaches a float op names the module and what helps there', () => {
  const int8 = (...layers: Module[]) => {
    const model = new Sequential(
      new Sequential(new quantized.Quantize({ scale: 0.1, zeroPoint: 128 })),
      ...layers,
    );
    return () => model.eval().call(randn([2, 3, 4, 4]));
  };
  class Sum extends Module {
    forward(x: Tensor): Tensor {
      return x.add(x);
    }
  }
  class Twice extends Module {
    forward(x: Tensor): Tensor {
      return x.mul(2);
    }
  }
  test.each<[Module, RegExp]>([
    [new BatchNorm2d(3), /^batchNorm in 1 \(BatchNorm2d\): .* Fuse it with the convolution before it/],
    [new Sequential(new Sum()), /^add in 1\.0 \(Sum\): .* Use FloatFunctional/],
    [new Twice(), /^mul in 1 \(Twice\): .* Use FloatFunctional/],
    [new GELU(), /^gelu in 1 \(GELU\): .* Give its layer a qconfig and convert it, or leave/],
    [
      new LogSoftmax(1),
      /^logSoftmax in 1 \(LogSoftmax\): .* It has no int8 form: leave its layer in float by leaveInFloat\(\)/,
    ],
    [new Conv2d(3, 2, 1), /^conv2d in 1 \(Conv2d\): .* Give its layer a qconfig and convert it, or leave/],
  ])('%s', (layer, message) => {
    expect(int8(layer)).toThrow(DTypeError);
    expect(int8(layer)).toThrow(message);
  });
});

test('FloatFunctional refuses what is no tensor', () => {
  const f = new FloatFunctional();
  for (const fn of [
    () => f.add(undefined as never, randn([1])),
    () => f.addRelu(randn([1]), [1] as never),
    () => f.mul(null as never, randn([1])),
    () => f.addScalar(undefined as never, 1),
    () => f.mulScalar({} as never, 1),
  ])
    expect(fn).toThrow(/expected a tensor/);
});
