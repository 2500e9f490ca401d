import {
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Embedding,
  Flatten,
  GELU,
  Hardsigmoid,
  LayerNorm,
  LeakyReLU,
  Linear,
  LogSoftmax,
  LSTM,
  MaxPool2d,
  Module,
  Parameter,
  ReLU,
  ReLU6,
  Sequential,
  Softmax,
} from '@octet/nn';
import { manualSeed, noGrad, randn, type Tensor, tensor } from '@octet/tensor';
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest';
import {
  convert,
  dynamic,
  FixedQParamsObserver,
  FloatFunctional,
  fuse,
  fuseModulesQat,
  getDefaultQatQConfigMapping,
  getDefaultQConfig,
  getDefaultQConfigMapping,
  intrinsic,
  leaveInFloat,
  prepare,
  prepareQat,
  QConfig,
  QConfigMapping,
  QuantStub,
  QuantWrapper,
  qat,
  quantizeDynamic,
  quantized,
} from '../src';
import { SmallNet } from './models';

let warn: MockInstance;
beforeEach(() => {
  manualSeed(4);
  warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
});
afterEach(() => vi.restoreAllMocks());

const said = () => warn.mock.calls.map(([text]) => String(text));
const ptq = () => getDefaultQConfigMapping('qnnpack');
const qatMapping = () => getDefaultQatQConfigMapping('qnnpack');

class OwnConv extends Conv2d {}
class OwnLinear extends Linear {}
class OwnScale extends Module {
  readonly factor = new Parameter(tensor([2]));

  forward(x: Tensor): Tensor {
    return x.mul(this.factor);
  }
}

describe('what has no int8 form is named before calibration', () => {
  const layers = () =>
    new Sequential(
      new Conv2d(1, 2, 1),
      new BatchNorm2d(2),
      new ReLU(),
      new Hardsigmoid(),
      new GELU(),
      new Softmax(1),
      new LogSoftmax(1),
      new Sequential(new OwnConv(2, 2, 1), new OwnScale()),
      new MaxPool2d(2),
      new Dropout(),
      new Flatten(),
      new LayerNorm([2]),
      new LayerNorm([2], { elementwiseAffine: false }),
      new BatchNorm1d(2, { affine: false, trackRunningStats: false }),
      new OwnLinear(2, 2),
      new Embedding(3, 2),
      new ReLU6(),
      new LeakyReLU(),
      new Linear(2, 2),
    );
  const expected =
    'module.6 (LogSoftmax), module.7.0 (OwnConv), module.7.1 (OwnScale), module.14 (OwnLinear), module.15 (Embedding). ';

  test('prepare', () => {
    prepare(new QuantWrapper(layers()).eval(), ptq());
    expect(said()).toEqual([expect.stringContaining(`prepare: no int8 form: ${expected}`)]);
    expect(said()[0]).toMatch(/fuseModules.*replace it.*leaveInFloat/);
  });

  test('prepareQat', () => {
    prepareQat(new QuantWrapper(layers()), qatMapping());
    expect(said()).toEqual([expect.stringContaining(`prepareQat: no int8 form: ${expected}`)]);
  });

  test('not what stays in float, and nothing where all have one', () => {
    const model = new QuantWrapper(new Sequential(new Linear(2, 2), new LayerNorm([2]), new ReLU())).eval();
    const { model: mixed, mapping } = leaveInFloat(model, ['module.1'], ptq());
    prepare(mixed, mapping);
    prepare(model, ptq().exclude('module.1'));
    prepare(new SmallNet().eval().fuseModel(), ptq());
    prepareQat(new SmallNet().fuseModel(), qatMapping());
    expect(said()).toEqual([]);
  });

  test('a layer left in float twice is left in float once', async () => {
    const model = new QuantWrapper(new Sequential(new Linear(2, 2), new LayerNorm([2]))).eval();
    const once = leaveInFloat(model, ['module.1', 'module.1'], ptq());
    for (const { model: mixed, mapping } of [
      once,
      leaveInFloat(once.model, ['module.1'], once.mapping),
      leaveInFloat(once.model, ['module.1'], ptq()),
    ]) {
      expect(String(mixed)).toBe(String(once.model));
      const prepared = prepare(mixed, mapping);
      prepared.call(randn([4, 2]));
      const int8 = await convert(prepared);
      expect(noGrad(() => int8.call(randn([4, 2]))).shape).toEqual([4, 2]);
      expect(int8.getSubmodule('module.1.quant')).toBeInstanceOf(quantized.Quantize);
    }
    expect(said()).toEqual([]);
  });

  test('the three ways out work', async () => {
    const build = (middle: Module) =>
      new QuantWrapper(new Sequential(new Linear(2, 2), middle, new ReLU(), new Linear(2, 2))).eval();
    const int8Of = async (model: Module, mapping = ptq()) => {
      const prepared = prepare(model, mapping);
      prepared.call(randn([4, 2]));
      return convert(prepared);
    };
    const broken = build(new LogSoftmax(1));
    const failing = await int8Of(broken);
    expect(() => noGrad(() => failing.call(randn([4, 2])))).toThrow();
    const { model, mapping } = leaveInFloat(broken, ['module.1'], ptq());
    for (const int8 of [
      await int8Of(fuse(build(new BatchNorm1d(2)))),
      await int8Of(build(new ReLU6())),
      await int8Of(model, mapping),
    ])
      expect(noGrad(() => int8.call(randn([4, 2]))).shape).toEqual([4, 2]);
  });

  test('layers fused for training are refused by prepare, with what helps', async () => {
    const trained = new QuantWrapper(
      new Sequential(
        new Conv2d(1, 2, 1),
        new BatchNorm2d(2),
        new ReLU(),
        new Conv2d(2, 2, 1),
        new BatchNorm2d(2),
      ),
    );
    const fused = fuse(trained).eval();
    expect(() => prepare(fused, ptq())).toThrow(
      /prepare: expected layers fused in evaluation mode, found module\.0 \(ConvBnReLU2d\).*prepareQat/,
    );
    expect(() => prepare(fused, ptq().exclude('module.0'))).toThrow(/module\.3 \(ConvBn2d\)/);
    prepare(fuse(trained.eval()), ptq());
    const bare = fuseModulesQat(new Sequential(new Conv2d(1, 1, 1), new BatchNorm2d(1)), ['0', '1']).at(0);
    expect(() => prepare(bare.eval(), ptq())).toThrow(/found ConvBn2d\..*for training/);
  });
});

describe('nothing to do is said', () => {
  test('no layer, no QuantStub', () => {
    prepare(new QuantWrapper(new ReLU()).eval(), ptq());
    prepare(new Sequential(new Linear(1, 1)).eval(), ptq());
    prepareQat(new Sequential(new Linear(1, 1)), qatMapping());
    expect(said()).toEqual([
      expect.stringMatching(/prepare: nothing to quantize in QuantWrapper/),
      expect.stringMatching(/prepare: no QuantStub in Sequential.*new QuantWrapper\(model\)/),
      expect.stringMatching(/prepareQat: no QuantStub in Sequential/),
    ]);
  });

  test('convert after a prepare that found nothing says so', async () => {
    const prepared = prepare(new Sequential(new ReLU()).eval(), ptq());
    await expect(convert(prepared)).rejects.toThrow(/If you did, there was nothing to quantize/);
  });

  test('quantizeDynamic: subclasses, and nothing at all', async () => {
    class OwnLSTM extends LSTM {}
    const model = new Sequential(new OwnLinear(2, 2), new Linear(2, 2), new OwnLSTM(2, 2) as never);
    expect((await quantizeDynamic(model)).at(1)).toBeInstanceOf(dynamic.Linear);
    await quantizeDynamic(new Sequential(new Conv2d(1, 1, 1)));
    await quantizeDynamic(new Sequential(new Linear(2, 2)), { layers: [LSTM] });
    await quantizeDynamic(model, { layers: [LSTM] });
    const int8 = await quantizeDynamic(new Sequential(new Linear(2, 2), new LSTM(2, 2) as never));
    await quantizeDynamic(int8, { inplace: true });
    expect(said()).toEqual([
      expect.stringContaining('quantizeDynamic: subclasses stay in float: 0 (OwnLinear), 2 (OwnLSTM)'),
      expect.stringMatching(/quantizeDynamic: nothing to quantize in Sequential/),
      expect.stringMatching(/nothing to quantize/),
      expect.stringContaining('stay in float: 2 (OwnLSTM)'),
      expect.stringMatching(/nothing to quantize/),
    ]);
  });

  test('quantizeDynamic goes into fused modules', async () => {
    const float = fuse(new Sequential(new Linear(3, 4), new ReLU()).eval());
    const x = randn([2, 3]);
    const int8 = await quantizeDynamic(float);
    expect(int8.at(0)).toBeInstanceOf(intrinsic.LinearReLU);
    expect(int8.getSubmodule('0.0')).toBeInstanceOf(dynamic.Linear);
    const [a, b] = [float.call(x), int8.call(x)].map((y) => y.dataSync());
    a.forEach((v, i) => {
      expect(Math.abs(v - b[i])).toBeLessThan(0.05);
    });
    expect(said()).toEqual([]);
  });

  test('the rule of a class reaches the fused modules that begin with it', () => {
    const model = new SmallNet().eval().fuseModel();
    const perChannel = getDefaultQConfig('x86');
    const recipes = ptq()
      .setObjectType(Conv2d, null)
      .setObjectType(Linear, perChannel)
      .setObjectType(intrinsic.LinearReLU, null)
      .recipesOf(model);
    const of = (path: string) => recipes.get(model.getSubmodule(path));
    expect(of('stem.0')).toBe(null);
    expect(of('depthwise.0')).toBe(null);
    expect(of('hidden.0')).toBe(null);
    expect(of('head')).toBe(perChannel);
    const inside = ptq().exclude('stem.0.0').setObjectType(intrinsic.ConvReLU2d, perChannel).recipesOf(model);
    expect(inside.get(model.getSubmodule('stem.0'))).toBe(null);
    expect(inside.get(model.getSubmodule('hidden.0'))).toBe(ptq().recipesOf(model).get(model.head));
    expect(
      new QConfigMapping().setObjectType(Linear, perChannel).recipesOf(model).get(model.hidden.at(0)),
    ).toBe(perChannel);
  });
});

describe('a model that is a layer itself', () => {
  const linear = () => new Linear(3, 2).eval();
  const x = () => randn([4, 3]);

  test('quantizeDynamic', async () => {
    expect(await quantizeDynamic(linear())).toBeInstanceOf(dynamic.Linear);
    expect(await quantizeDynamic(new LSTM(2, 2))).toBeInstanceOf(dynamic.LSTM);
    const fused = new intrinsic.LinearReLU(new Linear(2, 2), new ReLU());
    expect((await quantizeDynamic(fused)).at(0)).toBeInstanceOf(dynamic.Linear);
    expect(said()).toEqual([]);
    await expect(quantizeDynamic(linear(), { inplace: true })).rejects.toThrow(
      /quantizeDynamic: expected layers inside the model, for inplace, found Linear, a layer itself.*what quantizeDynamic returns/,
    );
  });

  test.each([
    ['Linear', linear, quantized.Linear],
    [
      'a fused one',
      () => new intrinsic.LinearReLU(new Linear(3, 2), new ReLU()).eval(),
      quantized.LinearReLU,
    ],
  ])('prepare and convert: %s', async (_, make, type) => {
    const float = make();
    const prepared = prepare(float, ptq());
    const input = x();
    const y = prepared.call(input);
    expect(said()).toEqual([expect.stringMatching(/no QuantStub/)]);
    const int8: Module = await convert(prepared);
    expect(int8).toBeInstanceOf(type);
    const out = noGrad(() => int8.call(input.quantizePerTensor(0.05, 128, 'quint8')).dequantize());
    const want = y.dataSync();
    out.dataSync().forEach((v, i) => {
      expect(Math.abs(v - want[i])).toBeLessThan(0.1);
    });
    await expect(
      convert(prepare(make(), ptq()), { inplace: true, requireCalibration: false }),
    ).rejects.toThrow(/convert: expected layers inside the model/);
  });

  test('prepareQat and convert', async () => {
    const prepared: Module = prepareQat(new Linear(3, 2), qatMapping());
    expect(prepared).toBeInstanceOf(qat.Linear);
    prepared.call(x()).sum().backward();
    expect(await convert(prepared)).toBeInstanceOf(quantized.Linear);
    expect(() => prepareQat(new Linear(3, 2), qatMapping(), { inplace: true })).toThrow(
      /what prepareQat returns/,
    );
  });

  test('a FloatFunctional and a stub', async () => {
    const skip = prepare(new FloatFunctional().eval(), ptq());
    skip.add(x(), x());
    expect(await convert(skip)).toBeInstanceOf(quantized.QFunctional);
    const stub = prepare(new QuantStub().eval(), ptq());
    stub.call(x());
    expect(await convert(stub)).toBeInstanceOf(quantized.Quantize);
  });
});

describe('one module for several places', () => {
  class Twice extends Module {
    readonly quant = new QuantStub();
    readonly conv = new Conv2d(1, 1, 1);
    readonly skip = new FloatFunctional();
    readonly relu = new ReLU();

    forward(x: Tensor): Tensor {
      const h = this.conv.call(this.quant.call(x));
      const sum = this.skip.add(h, this.conv.call(h));
      return this.relu.call(this.skip.mul(this.relu.call(sum), h));
    }
  }
  const x = () => randn([1, 1, 2, 2]);
  const places =
    'conv (2 times: after quant, after conv); skip (2 times: add after conv, mul after skip). Give each';

  test('calibration names the places, once', async () => {
    const prepared = prepare(new Twice().eval(), ptq());
    expect(said()).toEqual([]);
    prepared.call(x());
    prepared.call(x());
    expect(said()).toEqual([expect.stringContaining(places)]);
    const int8 = await convert(prepared);
    noGrad(() => int8.call(x()));
    expect(said()).toHaveLength(1);
  });

  test('so does training', () => {
    const prepared = prepareQat(new Twice(), qatMapping());
    for (let i = 0; i < 2; i++) prepared.call(x()).sum().backward();
    expect(said()).toEqual([expect.stringContaining(places)]);
  });

  test('several passes, a model in a model, a pass that failed, scalars and what isn’t observed are no reuse', () => {
    class Once extends Module {
      readonly quant = new QuantStub();
      readonly linear = new Linear(2, 2);
      readonly skip = new FloatFunctional();
      readonly relu = new ReLU();

      forward(x: Tensor): Tensor {
        const h = this.relu.call(this.linear.call(this.quant.call(x)));
        return this.relu.call(this.skip.mulScalar(this.skip.addScalar(this.skip.add(h, h), 1), 2));
      }
    }
    const prepared = prepare(new Once().eval(), ptq());
    for (let i = 0; i < 3; i++) prepared.call(randn([2, 2]));
    expect(() => prepared.call(randn([2, 3]))).toThrow();
    prepared.call(randn([2, 2]));
    new Sequential(prepared, prepared).call(randn([2, 2]));
    prepared.clone().call(randn([2, 2]));
    const excluded = prepare(new Twice().eval(), ptq().exclude('conv', 'skip'));
    excluded.call(x());
    // A range that is given is no range for all.
    const fixed = FixedQParamsObserver.withArgs({ scale: 0.1, zeroPoint: 0 });
    const weight = getDefaultQConfig().weight;
    prepare(
      new Twice().eval(),
      new QConfigMapping().setGlobal(new QConfig({ activation: fixed, weight })),
    ).call(x());
    expect(said().filter((text) => text.includes('several uses'))).toEqual([]);
  });
});

test.each([
  ['convolution', () => new Conv2d(2, 2, 1), () => randn([4, 2, 3, 3])],
  ['linear layer', () => new Linear(3, 3), () => randn([8, 3])],
])('a %s that is fused in one of its two places is int8 in both', async (_, make, input) => {
  const layer = make();
  const model = new QuantWrapper(new Sequential(layer, new ReLU(), layer)).eval();
  const x = input();
  const fused = fuse(model);
  expect(Array.from(fused.call(x).dataSync())).toEqual(Array.from(model.call(x).dataSync()));
  const prepared = prepare(fused, ptq());
  prepared.call(x);
  const int8 = await convert(prepared);
  expect(int8.modules().some((m) => m instanceof Conv2d || m instanceof Linear)).toBe(false);
  const worst = model.call(x).sub(int8.call(x)).abs().amax().dataSync()[0];
  expect(worst).toBeLessThan(0.1);
});
