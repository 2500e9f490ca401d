import {
  type AnyModule,
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  ELU,
  GRU,
  GRUCell,
  Hardswish,
  Identity,
  type LeakyReLU,
  Linear,
  LSTM,
  LSTMCell,
  Module,
  MultiheadAttention,
  ReLU,
  RNN,
  RNNCell,
  Sequential,
  Sigmoid,
} from '@octet/nn';
import { manualSeed, noGrad, rand, randn, type Tensor } from '@octet/tensor';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  convert,
  defaultDynamicMapping,
  defaultModuleRules,
  defaultQatMapping,
  defaultStaticMapping,
  dynamic,
  FakeQuantize,
  FloatFunctional,
  fuse,
  fuseModules,
  fuseModulesQat,
  getDefaultQatQConfig,
  getDefaultQatQConfigMapping,
  getDefaultQConfigMapping,
  intrinsic,
  type ModuleRule,
  moduleRules,
  prepare,
  prepareQat,
  QuantWrapper,
  qat,
  quantizeDynamic,
  quantized,
  toFloat,
} from '../src';

beforeEach(() => void manualSeed(5));
afterEach(() => vi.restoreAllMocks());

const warnings = () => vi.spyOn(console, 'warn').mockImplementation(() => {});

function expectNear(a: Tensor, b: Tensor, within = 1e-5): void {
  const want = b.dataSync();
  expect(a.shape).toEqual(b.shape);
  a.dataSync().forEach((v, i) => {
    expect(Math.abs(v - want[i])).toBeLessThanOrEqual(within * (1 + Math.abs(want[i])));
  });
}

/** A pattern more for a class that has a rule. */
const onlyFuses = (rule: ModuleRule) =>
  Object.keys(rule).every((field) => ['float', 'pattern', 'fuse', 'fuseQat'].includes(field));

describe('the default rules', () => {
  test('mappings are views of them', () => {
    const more = defaultModuleRules.filter((rule) => !onlyFuses(rule));
    for (const { float, qat: form, int8, dynamic: dynamically, trainingOnly } of more) {
      if (form) expect(defaultQatMapping.get(float)).toBe(form.from);
      expect(defaultStaticMapping.has(float)).toBe(int8 !== undefined && !trainingOnly);
      if (form) expect(defaultStaticMapping.has(form.type)).toBe(true);
      expect(defaultDynamicMapping.has(float)).toBe(dynamically !== undefined);
    }
    const types = (of: (rule: ModuleRule) => (ModuleRule['float'] | undefined)[]) =>
      new Set(defaultModuleRules.flatMap(of).filter(Boolean)).size;
    expect(defaultQatMapping.size).toBe(types(({ float, qat: form }) => [form && float]));
    expect(defaultStaticMapping.size).toBe(
      types(({ float, qat: form, int8, trainingOnly }) => [
        int8 && !trainingOnly ? float : undefined,
        int8 && form?.type,
      ]),
    );
    expect([...defaultDynamicMapping.keys()]).toEqual([
      Linear,
      LSTM,
      GRU,
      MultiheadAttention,
      RNN,
      RNNCell,
      GRUCell,
      LSTMCell,
    ]);
  });

  test('a mapping converts a module by itself', async () => {
    const mapping = new QuantWrapper(new Sequential(new Linear(3, 2))).eval();
    const prepared = prepare(mapping, getDefaultQConfigMapping());
    noGrad(() => prepared.call(randn([4, 3])));
    const layer = prepared.module.at(0);
    const rule = defaultStaticMapping.get(Linear);
    const made = await rule?.convert('here', layer, getDefaultQatQConfig());
    expect(rule?.observe).toBe(true);
    expect(made).toBeInstanceOf(quantized.Linear);
  });

  test('each class is of one rule, but for what only fuses', () => {
    const classes = defaultModuleRules.filter((rule) => !onlyFuses(rule)).map(({ float }) => float);
    expect(new Set(classes).size).toBe(classes.length);
  });
});

describe('rules of one’s own', () => {
  class Twice extends Module {
    static override readonly name: string = 'Twice';

    forward(x: Tensor): Tensor {
      return x.mul(2);
    }
  }
  class QuadLayer extends intrinsic.FusedModule {
    static override readonly name: string = 'QuadLayer';
  }
  const four: ModuleRule = {
    float: QuadLayer,
    pattern: [Linear, Twice, ReLU, Twice],
    fuse: (...layers: Module[]) => new QuadLayer(...layers),
  };

  test('a pattern of four goes before its parts, and a second fuse changes nothing', () => {
    const layers = () =>
      new Sequential(new Linear(2, 2), new Twice(), new ReLU(), new Twice(), new Linear(2, 2), new ReLU());
    const model = layers().eval();
    const fused = fuse(model, { rules: [four] });
    expect(fused.children().map((m) => m.constructor.name)).toEqual([
      ...['QuadLayer', 'FusedIdentity', 'FusedIdentity', 'FusedIdentity'],
      ...['LinearReLU', 'FusedIdentity'],
    ]);
    const x = randn([3, 2]);
    expectNear(fused.call(x), model.call(x));
    expect(String(fuse(fused, { rules: [four] }))).toBe(String(fused));
    // By name, too; without the rule it is refused with the patterns there are.
    expect(fuseModules(layers().eval(), ['0', '1', '2', '3'], { rules: [four] }).at(0)).toBeInstanceOf(
      QuadLayer,
    );
    expect(() => fuseModules(layers().eval(), ['0', '1', '2', '3'])).toThrow(
      /expected one of Conv2d-BatchNorm2d-ReLU, .*found Linear-Twice-ReLU-Twice \(0, 1, 2, 3\)/,
    );
    expect(() => fuseModulesQat(layers(), ['0', '1', '2', '3'], { rules: [four] })).toThrow(
      /found Linear-Twice/,
    );
  });

  test('they go before the library’s', async () => {
    class OwnInt8 extends Identity {}
    const rules: ModuleRule[] = [{ float: Linear, observe: true, int8: () => new OwnInt8() }];
    const prepared = prepare(new QuantWrapper(new Linear(2, 2)).eval(), getDefaultQConfigMapping(), {
      rules,
    });
    noGrad(() => prepared.call(randn([3, 2])));
    expect((await convert(prepared, { rules })).module).toBeInstanceOf(OwnInt8);
    // What they leave out is the library's.
    const training = prepareQat(new QuantWrapper(new Linear(2, 2)), getDefaultQatQConfigMapping(), { rules });
    expect(training.module).toBeInstanceOf(qat.Linear);
  });

  test('quantizeDynamic takes them', async () => {
    class Own extends Linear {}
    class DynamicOwn extends dynamic.Linear {}
    const rules: ModuleRule[] = [
      { float: Own, dynamic: async (own: Own, at) => new DynamicOwn(own, await at.weight(own.weight)) },
    ];
    const model = await quantizeDynamic(new Sequential(new Own(2, 2), new Linear(2, 1)).eval(), { rules });
    expect(model.children().map((m) => m.constructor)).toEqual([DynamicOwn, dynamic.Linear]);
  });

  test.each<[string, unknown, RegExp]>([
    ['no list', four, /rules/],
    ['a class', [Linear], /field float, found/],
    ['a pattern of one', [{ ...four, pattern: [Linear] }], /a pattern of two module classes or more/],
    [
      'a pattern without fuse',
      [{ float: Linear, pattern: [Linear, ReLU] }],
      /fuse or fuseQat beside a pattern/,
    ],
    ['a class for qat', [{ float: Linear, qat: qat.Linear }], /qat to be \{ type: Class, from/],
    ['observe without int8', [{ float: Linear, observe: true }], /int8 beside observe/],
  ])('%s is refused', (_, rules, message) => {
    const model = new Sequential(new Linear(2, 2)).eval();
    expect(() => fuse(model, { rules: rules as ModuleRule[] })).toThrow(message);
    expect(() => moduleRules('fuse', rules as ModuleRule[])).toThrow(message);
  });

  test('a layer that was prepared by a rule that convert lacks', async () => {
    const rules: ModuleRule[] = [{ float: Twice, observe: true, int8: () => new Twice() }];
    const prepared = prepare(new QuantWrapper(new Twice()).eval(), getDefaultQConfigMapping(), { rules });
    noGrad(() => prepared.call(randn([3, 2])));
    await expect(convert(prepared)).rejects.toThrow(/none for module \(Twice\)\. Pass the rules/);
    expect((await convert(prepared, { rules })).module).toBeInstanceOf(Twice);
  });
});

describe('toFloat', () => {
  const conv = () => new Conv2d(2, 3, 3, { padding: 1, stride: 2, bias: false });
  const warm = <M extends AnyModule>(model: M, shape: number[]) => {
    noGrad(() => model.call(randn(shape)));
    return model;
  };
  const image = [4, 2, 5, 5];

  test.each<[string, () => Sequential, number[], string]>([
    ['a convolution', () => new Sequential(conv()), image, 'Conv2d'],
    ['with ReLU', () => new Sequential(conv(), new ReLU()), image, 'ConvReLU2d'],
    ['with batch normalisation', () => new Sequential(conv(), new BatchNorm2d(3)), image, 'Conv2d'],
    ['with both', () => new Sequential(conv(), new BatchNorm2d(3), new ReLU()), image, 'ConvReLU2d'],
    ['a linear layer', () => new Sequential(new Linear(5, 3, { bias: false })), [4, 5], 'Linear'],
    ['a linear layer with ReLU', () => new Sequential(new Linear(5, 3), new ReLU()), [4, 5], 'LinearReLU'],
    [
      'a linear layer with batch normalisation',
      () => new Sequential(new Linear(5, 3), new BatchNorm1d(3)),
      [9, 5],
      'Linear',
    ],
    [
      'a linear layer with both',
      () => new Sequential(new Linear(5, 3, { bias: false }), new BatchNorm1d(3), new ReLU()),
      [9, 5],
      'LinearReLU',
    ],
  ])('of %s: fused, trained and int8', async (_, make, shape, type) => {
    warnings();
    const model = warm(new QuantWrapper(make()), shape);
    const reference = model.clone().eval();
    const x = randn(shape);
    const want = noGrad(() => reference.call(x));

    const fused = fuse(model).module.at(0).eval();
    const plain = toFloat(fused);
    expect(plain.constructor.name).toBe(type);
    expectNear(noGrad(() => plain.call(x)) as Tensor, want, 1e-4);

    const prepared = prepareQat(fuse(model), getDefaultQatQConfigMapping());
    warm(prepared, shape);
    const training = prepared.module.at(0);
    expect(toFloat(training).training).toBe(true);
    const trained = toFloat(prepared.eval().module.at(0));
    expect([trained.constructor.name, trained.training]).toEqual([type, false]);
    // It has the statistics of another batch.
    if (!model.modules().some((m) => m instanceof BatchNorm2d || m instanceof BatchNorm1d)) {
      expectNear(noGrad(() => trained.call(x)) as Tensor, want, 1e-4);
    }

    const int8 = (await convert(prepared)).module.at(0);
    const back = toFloat(int8);
    expect(back.constructor.name).toBe(type);
    const q = x.quantizePerTensor(0.05, 128, 'quint8');
    const { scale, zeroPoint } = int8 as quantized.Linear;
    const got = noGrad(() => int8.call(q) as Tensor).dequantize();
    const float = noGrad(() => back.call(q.dequantize()) as Tensor);
    const [low, high] = [-zeroPoint * scale, (255 - zeroPoint) * scale];
    float.dataSync().forEach((v, i) => {
      // Beyond the range it clips.
      expect(Math.abs(Math.min(Math.max(v, low), high) - got.dataSync()[i])).toBeLessThan(scale * 1.01);
    });
  });

  test('of the others', async () => {
    for (const [module, type] of [
      [new quantized.Quantize({ scale: 1, zeroPoint: 0 }), 'QuantStub'],
      [new quantized.DeQuantize(), 'DeQuantStub'],
      [new quantized.Hardswish({ scale: 1, zeroPoint: 0 }), 'Hardswish'],
      [new quantized.QFunctional({ scale: 1, zeroPoint: 0 }), 'FloatFunctional'],
    ] as const) {
      expect(toFloat(module).constructor.name).toBe(type);
    }
    const elu = toFloat(
      new quantized.Activation('elu', { alpha: 2 }, { scale: 1, zeroPoint: 0 }, () => new ELU(2)),
    );
    expect([elu.constructor, elu.training]).toEqual([ELU, false]);
    expect(() => toFloat(new quantized.Activation('silu', {}, { scale: 1, zeroPoint: 0 }))).toThrow(
      /a QuantizedActivation that knows its float layer, found one of 'silu'/,
    );
    const leaky = toFloat(new quantized.LeakyReLU(0.3, { scale: 1, zeroPoint: 0 })) as LeakyReLU;
    expect(leaky.negativeSlope).toBe(0.3);
    for (const same of [new Conv2d(1, 1, 1), new Sigmoid(), new FloatFunctional(), new Hardswish()])
      expect(toFloat(same)).toBe(same);
  });

  test('of dynamic layers: the weights as they were rounded', async () => {
    const lstm = new LSTM(3, 4, { numLayers: 2, batchFirst: true });
    const model = await quantizeDynamic(new Sequential(new Linear(5, 3), lstm as never).eval());
    const [linear, rnn] = model.children();
    const plain = toFloat(linear) as Linear;
    expect(plain.weight.dataSync()).toEqual((linear as dynamic.Linear).weight.dequantize().dataSync());
    const x = randn([2, 3, 5]);
    expectNear(plain.call(x), (linear as dynamic.Linear).call(x), 0.05);
    const float = toFloat(rnn) as LSTM;
    expect([float.constructor, float.batchFirst]).toEqual([LSTM, true]);
    const h = randn([2, 3, 3]);
    expectNear(
      noGrad(() => float.call(h)[0]),
      noGrad(() => (rnn as LSTM).call(h)[0]),
      0.05,
    );
  });

  test('a module that rounds and doesn’t say what it is in float is an error', () => {
    class Rounded extends Module {
      readonly quantizer = new FakeQuantize();

      forward(x: Tensor): Tensor {
        return this.quantizer.call(x);
      }
    }
    expect(() => toFloat(new Rounded(), 'there')).toThrow(
      /toFloat: expected modules with toFloat\(\), where weights are rounded, found there \(Rounded\)\. Give Rounded a method/,
    );
  });
});

test('nothing that prepareQat and quantizeDynamic make draws random numbers', async () => {
  const model = new QuantWrapper(new Sequential(new Conv2d(1, 2, 1), new Linear(3, 2)));
  const lstm = new Sequential(new LSTM(2, 2) as never).eval();
  manualSeed(3);
  const first = rand([4]).dataSync();
  manualSeed(3);
  prepareQat(model, getDefaultQatQConfigMapping());
  await quantizeDynamic(lstm);
  expect(rand([4]).dataSync()).toEqual(first);
});

describe('a layer that is fused and also used alone', () => {
  class Both extends Module {
    readonly conv = new Conv2d(1, 1, 1);
    readonly relu = new ReLU();
    readonly linear = new Linear(1, 1);
    readonly batchNorm = new BatchNorm1d(1);

    constructor(readonly other?: Conv2d) {
      super();
      this.other = other && this.conv;
    }

    forward(x: Tensor): Tensor {
      return this.relu.call(this.conv.call(x)).add((this.other ?? this.conv).call(x));
    }
  }
  const x = () => randn([1, 1, 3, 3]);

  test('under one name it warns, once, in copies too', () => {
    const warn = warnings();
    const model = fuseModules(new Both().eval(), ['conv', 'relu'], { inplace: false });
    for (const each of [model, model, model.clone()]) each.call(x());
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/fuseModules: ran 'conv' without 'relu' behind it: .*a layer of its own/)],
    ]);
  });

  test('under two names it is two layers from there on', () => {
    const warn = warnings();
    const float = new Both(new Conv2d(1, 1, 1)).eval();
    expect(float.other).toBe(float.conv);
    for (const model of [fuseModules(float, ['conv', 'relu'], { inplace: false }), fuse(float)]) {
      const image = x();
      expectNear(model.call(image), float.call(image));
    }
    const training = new Both(new Conv2d(1, 1, 1));
    const image = x();
    expectNear(
      fuseModulesQat(training, ['conv', 'relu'], { inplace: false }).call(image),
      training.call(image),
    );
    expect(warn.mock.calls.filter(([text]) => /ran/.test(text))).toEqual([]);
  });

  test('a pass that failed in between is forgotten, and convert takes the watch away', async () => {
    const warn = warnings();
    class Fails extends Module {
      readonly conv = new Conv2d(1, 1, 1);
      readonly relu = new ReLU();
      fail = true;

      forward(input: Tensor): Tensor {
        const y = this.conv.call(input);
        if (this.fail) throw new Error('between');
        return this.relu.call(y);
      }
    }
    const model = fuseModules(new QuantWrapper(new Fails()).eval(), ['module.conv', 'module.relu']);
    expect(() => model.call(x())).toThrow('between');
    model.module.fail = false;
    model.call(x());
    const prepared = prepare(model, getDefaultQConfigMapping());
    noGrad(() => prepared.call(x()));
    const int8 = await convert(prepared);
    expect(int8.module.relu.constructor).toBe(Identity);
    expect(warn).not.toHaveBeenCalled();
  });
});
