import { BatchNorm2d, Buffer, Conv2d, GRU, Linear, LSTM, ReLU, Sequential } from '@octet/nn';
import {
  convert,
  FakeQuantize,
  FixedQParamsObserver,
  FloatIsland,
  fuse,
  getDefaultQatQConfigMapping,
  getDefaultQConfig,
  getDefaultQConfigMapping,
  leaveInFloat,
  prepare,
  prepareQat,
  QConfig,
  QConfigMapping,
  QuantStub,
  QuantWrapper,
  quantizeDynamic,
  type quantized,
} from '@octet/quantization';
import { manualSeed, noGrad, ones, randn, tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import * as inspect from '../src';
import { analyze, equalize, type Finding, sensitivity } from '../src';
import { batches, createNet, fusedNet, type Net } from './models';

const data = batches(3);

async function toInt8(model: Net, mapping: QConfigMapping = getDefaultQConfigMapping('qnnpack')) {
  const prepared = prepare(model, mapping);
  for (const x of data) noGrad(() => prepared.call(x));
  return convert(prepared);
}

const costs = (findings: readonly Finding[]) => findings.map(({ cause, layer }) => `${cause} ${layer}`);

describe('a sound model', () => {
  test('has figures for every layer, in the order they run', async () => {
    const float = fusedNet();
    const int8 = await toInt8(float);
    const { layers, output, bytes, inputs, metric } = await analyze(float, int8, data, {
      metric: async (model) => (await model.call(data[0]).data()).length,
    });
    expect(layers.map(({ path, int8Type }) => [path, int8Type])).toEqual([
      ['quant', 'Quantize'],
      ['first.0', 'QuantizedConvReLU2d'],
      ['second.0', 'QuantizedConv2d'],
      ['skip', 'QFunctional'],
      ['head.1', 'QuantizedLinear'],
    ]);
    expect(inputs).toBe(3);
    expect(metric).toEqual({ name: 'metric', float: 21, int8: 21 });
    expect(layers.map(({ macs }) => macs)).toEqual([0, 3 * 9 * 5 * 18, 3 * 9 * 5 * 5, 0, 3 * 45 * 7]);
    expect(bytes).toEqual({ float: 4 * (95 + 30 + 322), int8: 90 + 25 + 315 + 4 * (5 + 5 + 7) });
    for (const { error } of layers) {
      expect(error.steps).toBeLessThanOrEqual(1);
      expect(error.local?.sqnrDb).toBeGreaterThan(30);
      expect(error.local?.sqnrDb).toBeCloseTo(error.fakeQuantized?.sqnrDb as number, 0);
    }
    expect(output.sqnrDb).toBe(layers[4].error.total.sqnrDb);
    expect(output.cosine).toBeGreaterThan(0.999);
  });

  test('is the same whether the float one is fused or not, and prepared or not; none is changed', async () => {
    const float = fusedNet();
    const int8 = await toInt8(float);
    const { findings, ...expected } = await analyze(float, int8, data);
    const plain = createNet();
    const before = String(plain);
    expect((await analyze(plain, int8, data)).layers).toEqual(expected.layers);
    expect(String(plain)).toBe(before);
    const prepared = prepare(float, getDefaultQConfigMapping());
    expect((await analyze(prepared, int8, data)).layers).toEqual(expected.layers);
    expect(prepared.first.call(data[0])).toBeDefined();
    expect(findings.map(({ cause }) => cause)).toEqual(['even']);
  });

  test('SQNR and cosine are those of the outputs', async () => {
    const float = fusedNet();
    const int8 = await toInt8(float);
    const { output } = await analyze(float, int8, data);
    let [signal, noise, dot, other] = [0, 0, 0, 0];
    for (const x of data) {
      const [a, b] = noGrad(() => [float.call(x).dataSync(), int8.call(x).dataSync()]);
      for (let i = 0; i < a.length; i++) {
        signal += a[i] ** 2;
        other += b[i] ** 2;
        dot += a[i] * b[i];
        noise += (a[i] - b[i]) ** 2;
      }
    }
    expect(output.sqnrDb).toBeCloseTo(10 * Math.log10(signal / noise), 8);
    expect(output.cosine).toBeCloseTo(dot / Math.sqrt(signal * other), 8);
  });

  test('of quantization-aware training: the weights of the model that was trained', async () => {
    const model = fusedNet().train();
    const prepared = prepareQat(model, getDefaultQatQConfigMapping('qnnpack'));
    for (const x of data) prepared.call(x);
    const { layers } = await analyze(prepared, await convert(prepared), data);
    expect(layers.map(({ type }) => type)).toContain('ConvReLU2d');
    for (const { error } of layers) {
      // Averaged ranges lag behind three batches, and clip.
      expect(error.local?.sqnrDb).toBeGreaterThan(20);
      expect(error.steps).toBeLessThanOrEqual(2);
    }
  });

  test('of a model that was fused for training: batch normalisation is folded first', async () => {
    manualSeed(4);
    const layers = new Sequential(
      new Conv2d(2, 3, 3),
      new BatchNorm2d(3),
      new ReLU(),
      new Conv2d(3, 2, 1),
      new BatchNorm2d(2),
    );
    for (const x of data) noGrad(() => layers.call(x.mul(3)));
    const model = fuse(new QuantWrapper(layers));
    const prepared = prepareQat(model, getDefaultQatQConfigMapping()).eval();
    for (const x of data) noGrad(() => prepared.call(x));
    const analysis = await analyze(model, await convert(prepared), data);
    expect(analysis.layers.map(({ type }) => type)).toEqual(['QuantStub', 'ConvReLU2d', 'Conv2d']);
    for (const { weight } of analysis.layers.slice(1)) expect(weight?.error?.sqnrDb).toBeGreaterThan(40);
  });

  test('a layer that simulates rounding and has no float form is named', async () => {
    class Simulates extends Linear {
      readonly weightFakeQuant = new FakeQuantize();
    }
    const float = new QuantWrapper(new Simulates(2, 2)).eval();
    await expect(analyze(float, float.clone(), [randn([1, 2])])).rejects.toThrow(
      /expected modules with toFloat\(\), where weights are rounded, found module \(Simulates\)/,
    );
  });

  test.each([LSTM, GRU])('of dynamic quantization: %o', async (Layer) => {
    const model = new Sequential(new Layer(3, 5) as never).eval();
    const [layer] = (await analyze(model, await quantizeDynamic(model), [randn([4, 1, 3])])).layers;
    expect(layer.int8Type).toBe(`DynamicQuantized${Layer.name}`);
    expect(layer.error.local?.sqnrDb).toBeGreaterThan(25);
    expect(layer.activation.quantization).toBeNull();
  });
});

describe('names what is wrong', () => {
  test('a weight channel a hundred times the others', async () => {
    const float = fusedNet();
    const weight = (float.second[0] as Conv2d).weight;
    noGrad(() => weight.copy_(weight.mul(tensor([100, 1, 1, 1, 1]).reshape([5, 1, 1, 1]))));
    const { findings, layers } = await analyze(float, await toInt8(float), data);
    const finding = findings.find(({ cause }) => cause === 'channelSpread');
    expect(finding?.layer).toBe('second.0');
    expect(finding?.advice[0]).toContain('equalize');
    const { weight: found } = layers[2];
    expect((found?.channelRange.max ?? 0) / (found?.channelRange.median ?? 1)).toBeGreaterThan(50);
    // With a scale for each channel it is gone.
    const better = await analyze(float, await toInt8(float, getDefaultQConfigMapping('x86')), data);
    expect(better.findings.map(({ cause }) => cause)).not.toContain('channelSpread');
  });

  test('a layer that makes the noise of small channels large, which `equalize` mends', async () => {
    manualSeed(3);
    const [first, second] = [new Conv2d(2, 5, 1), new Conv2d(5, 5, 1, { groups: 5 })];
    const spread = tensor([1, 100, 100, 100, 100]);
    // The scale of weights fits each channel; that of the output can't.
    noGrad(() => first.weight.copy_(first.weight.abs().div(spread.reshape([5, 1, 1, 1]))));
    noGrad(() => first.bias?.copy_(first.bias.abs().div(spread)));
    noGrad(() => second.weight.copy_(second.weight.mul(spread.reshape([5, 1, 1, 1]))));
    const model = fuse(new QuantWrapper(new Sequential(first, new ReLU(), second)).eval());
    const { weight } = getDefaultQConfig('x86');
    const qconfig = new QConfig({ activation: getDefaultQConfig('qnnpack').activation, weight });
    const findings = async (mend: boolean) => {
      const prepared = prepare(model, new QConfigMapping().setGlobal(qconfig));
      if (mend) await equalize(prepared, data[0]);
      const float = prepared.clone();
      for (const x of data) noGrad(() => prepared.call(x));
      return costs((await analyze(float, await convert(prepared), data)).findings);
    };
    expect((await findings(false))[0]).toBe('amplified module.2');
    expect(await findings(true)).toEqual(['even null']);
  });

  test('an activation that is clipped', async () => {
    const float = fusedNet();
    const narrow = new QConfig({
      activation: FixedQParamsObserver.withArgs({ scale: 0.4 / 255, zeroPoint: 0 }),
      weight: getDefaultQConfig('qnnpack').weight,
    });
    const mapping = getDefaultQConfigMapping('qnnpack').setModuleName('first', narrow);
    const { findings, layers } = await analyze(float, await toInt8(float, mapping), data);
    expect(costs(findings)[0]).toBe('clipping first.0');
    expect(layers[1].activation.quantization?.clipped).toBeGreaterThan(0.1);
    expect(layers[1].error.local?.sqnrDb).toBeLessThan(20);
    // The next layers only inherit it.
    expect(layers[2].error.local?.sqnrDb).toBeGreaterThan(30);
    expect(layers[2].error.total.sqnrDb).toBeLessThan(20);
    expect(costs(findings)).toContain('inherited second.0');
  });

  test('outliers that stretch a range', async () => {
    const float = fusedNet();
    const wide = new QConfig({
      activation: FixedQParamsObserver.withArgs({ scale: 1, zeroPoint: 128 }),
      weight: getDefaultQConfig('qnnpack').weight,
    });
    const mapping = getDefaultQConfigMapping('qnnpack').setModuleName('second', wide);
    const { findings } = await analyze(float, await toInt8(float, mapping), data);
    expect(costs(findings)).toContain('outliers second.0');
  });

  test('an output that is shifted', async () => {
    const float = fusedNet();
    const int8 = await toInt8(float);
    const layer = int8.second[0] as unknown as quantized.Conv2d;
    layer.bias = new Buffer(tensor([0.3, -0.3, 0.3, -0.3, 0.3]));
    const { findings, layers } = await analyze(float, int8, data);
    expect(layers[2].error.shift).toBeGreaterThan(0.9);
    expect(costs(findings)[0]).toBe('shift second.0');
    // The kernel computes what it is told.
    expect(findings.map(({ cause }) => cause)).not.toContain('kernel');
  });

  test('seven bits', async () => {
    const float = fusedNet();
    const { findings } = await analyze(float, await toInt8(float, getDefaultQConfigMapping('x86')), data);
    expect(findings.map(({ cause }) => cause)).toContain('sevenBits');
  });

  test('a layer left in float', async () => {
    const float = fusedNet();
    const mapping = getDefaultQConfigMapping('qnnpack').exclude('head', 'dequant');
    const int8 = await toInt8(float, mapping);
    // It needs floats.
    int8.head.registerForwardPreHook((_, [x]) => [x.dequantize()]);
    const { findings, layers } = await analyze(float, int8, data);
    expect(layers[4]).toMatchObject({ int8Type: null, error: { local: null } });
    expect(findings.find(({ cause }) => cause === 'float')?.why).toContain('head.1');
  });
});

describe('layers between stubs, by leaveInFloat', () => {
  test.each([
    ['the float model', (float: Net) => float],
    ['the mixed one', (_: Net, mixed: Net) => mixed],
    ['the float one before it was fused', () => createNet()],
    ['the prepared one', (_: Net, __: Net, prepared: Net) => prepared],
  ])('%s', async (_, choose) => {
    const float = fusedNet();
    const { model: mixed, mapping } = leaveInFloat(
      float,
      ['first.0', 'head.1'],
      getDefaultQConfigMapping('qnnpack'),
    );
    const prepared = prepare(mixed, mapping);
    for (const x of data) noGrad(() => prepared.call(x));
    const int8 = await convert(prepared);
    const model = choose(float, mixed, prepared);
    const before = String(model);
    const { layers, findings } = await analyze(model, int8, data);
    expect(layers.map(({ path, int8Type }) => [path, int8Type])).toEqual([
      ['quant', 'Quantize'],
      ['first.0.layer', null],
      ['first.0.quant', 'Quantize'],
      ['second.0', 'QuantizedConv2d'],
      ['skip', 'QFunctional'],
      ['head.1.layer', null],
      ['head.1.quant', 'Quantize'],
    ]);
    expect(findings.find(({ cause }) => cause === 'float')?.why).toContain('first.0.layer');
    expect(String(model)).toBe(before);
  });

  test('inspect still exports it', () => {
    expect(inspect.leaveInFloat).toBe(leaveInFloat);
    expect(inspect.FloatIsland).toBe(FloatIsland);
  });
});

describe('refuses', () => {
  test('no data, and numbers that are not finite', async () => {
    const float = fusedNet();
    const int8 = await toInt8(float);
    await expect(analyze(float, int8, [])).rejects.toThrow(/analyze: expected some inputs, found none/);
    noGrad(() => (float.second[0] as Conv2d).weight.fill_(Number.NaN));
    await expect(analyze(float, int8, data)).rejects.toThrow(/NaN in the output of 'second\.0'/);
  });

  test('models of different networks', async () => {
    const int8 = await toInt8(fusedNet());
    await expect(analyze(new Sequential(new QuantStub()) as never, int8, data)).rejects.toThrow(
      /expected a module at/,
    );
  });
});

describe('what is no data or no metric is refused by name', () => {
  const float = new QuantWrapper(new Sequential(new Linear(2, 2))).eval();
  const x = ones([1, 2]);
  const broken = async () => {
    const prepared = prepare(float, getDefaultQConfigMapping('qnnpack'));
    prepared.call(x);
    return convert(prepared);
  };

  test.each([undefined, 5, { data: [x] }])('data: %s', async (data) => {
    const int8 = await broken();
    await expect(analyze(float, int8, data as never)).rejects.toThrow(
      /analyze: expected data to be an array/,
    );
    await expect(sensitivity(float, data as never)).rejects.toThrow(
      /sensitivity: expected data to be an array/,
    );
  });

  test('options in the place of the metric, and metrics that give no number', async () => {
    const int8 = await broken();
    await expect(sensitivity(float, [x], {} as never)).rejects.toThrow(
      /sensitivity: expected metric to be a function/,
    );
    for (const value of [undefined, '0.9']) {
      const metric = () => value as unknown as number;
      await expect(sensitivity(float, [x], metric)).rejects.toThrow(/a metric that gives a number, found/);
      await expect(analyze(float, int8, [x], { metric })).rejects.toThrow(/a metric that gives a number/);
    }
  });
});
