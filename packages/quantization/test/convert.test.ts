import { addDispatchHook, type Backend, type DispatchEvent, type DynamicLinearAttrs } from '@octet/backend';
import { type AnyModule, GRU, Linear, LSTM, Module, type RNNBase, Sequential } from '@octet/nn';
import { SGD } from '@octet/optim';
import { manualSeed, noGrad, randn, scope, type Tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  convert,
  defaultDynamicQConfig,
  defaultFakeQuant,
  defaultPerChannelWeightFakeQuant,
  defaultWeightFakeQuant,
  disableObserver,
  freezeBnStats,
  getDefaultDynamicQConfig,
  getDefaultQatQConfig,
  getDefaultQConfig,
  perChannelDynamicQConfig,
  prepare,
  prepareQat,
  QConfig,
  QConfigMapping,
  type QEngine,
  quantizeDynamic,
  quantized,
} from '../src';
import { SmallNet } from './models';

beforeEach(() => void manualSeed(11));

const images = (n = 4) => randn([n, 3, 9, 7]);

async function postTraining(engine: QEngine): Promise<SmallNet> {
  const model = new SmallNet().eval().fuseModel();
  model.qconfig = getDefaultQConfig(engine);
  const prepared = prepare(model);
  for (let i = 0; i < 3; i++) prepared.call(images());
  return convert(prepared);
}

function trained(qconfig: QConfig): SmallNet {
  const model = new SmallNet().train().fuseModel();
  model.qconfig = qconfig;
  const prepared = prepareQat(model);
  const optimizer = new SGD(prepared.parameters(), { lr: 0.05 });
  for (let i = 0; i < 5; i++) {
    const loss = prepared.call(images()).square().mean();
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
  }
  return prepared.apply(disableObserver).apply(freezeBnStats).eval();
}

describe('convert', () => {
  test('an int8 model whose first call was in a scope works on', async () => {
    const int8 = await postTraining('qnnpack');
    const x = images();
    const call = () => noGrad(() => int8.call(x));
    const first = await scope(call).data();
    expect(await scope(call).data()).toEqual(first);
  });

  test.each(['qnnpack', 'fbgemm', 'x86'] as const)(
    '%s: int8 from stub to stub, no float inside',
    async (engine) => {
      const int8 = await postTraining(engine);
      const events: DispatchEvent[] = [];
      const remove = addDispatchHook((event, run) => {
        events.push(event);
        run();
      });
      noGrad(() => int8.call(images()));
      remove();
      const names = events.map((e) => e.kernel);
      const inside = events.slice(names.indexOf('quantize') + 1, names.indexOf('dequantize'));
      expect(names.filter((n) => n === 'quantize')).toHaveLength(1);
      expect(names.filter((n) => n === 'dequantize')).toHaveLength(1);
      expect(inside.map((e) => e.kernel)).toEqual(
        expect.arrayContaining(['qconv2d', 'qadd', 'qadaptiveAvgPool2d', 'qlinear']),
      );
      const dtypes = inside.flatMap((e) =>
        [...Object.values(e.inputs), ...Object.values(e.outputs)].map((t) => t?.dtype),
      );
      expect(new Set(dtypes.filter(Boolean))).toEqual(new Set(['uint8', 'int8', 'int32']));
    },
  );

  test('follows the float model and leaves it and the prepared model as they were', async () => {
    const model = new SmallNet().eval().fuseModel();
    model.qconfig = getDefaultQConfig('qnnpack');
    const before = String(model);
    const prepared = prepare(model);
    const x = images();
    prepared.call(x);
    const int8 = await convert(prepared);
    expect(String(model)).toBe(before);
    expect(prepared.head).toBeInstanceOf(Linear);
    const float = noGrad(() => model.call(x)).dataSync();
    const got = noGrad(() => int8.call(x)).dataSync();
    const { scale } = int8.head as unknown as { scale: number };
    float.forEach((v, i) => {
      expect(Math.abs(v - got[i])).toBeLessThan(4 * scale);
    });
    expect(int8.modules().some((m) => m.qconfig)).toBe(false);
  });

  test('an int8 state dict goes into a fresh int8 model, and gives the same integers', async () => {
    const int8 = await postTraining('x86');
    const x = images();
    const expected = noGrad(() => int8.call(x)).dataSync();
    manualSeed(99);
    const other = new SmallNet().eval().fuseModel();
    other.qconfig = getDefaultQConfig('x86');
    const fresh = await convert(prepare(other), { requireCalibration: false });
    fresh.loadStateDict(int8.stateDict());
    expect(noGrad(() => fresh.call(x)).dataSync()).toEqual(expected);
    expect(noGrad(() => fresh.clone().call(x)).dataSync()).toEqual(expected);
  });

  test('a prepared state dict goes on where it stopped', async () => {
    const first = trained(getDefaultQatQConfig('x86'));
    const second = prepareQat(
      Object.assign(new SmallNet().train().fuseModel(), { qconfig: getDefaultQatQConfig('x86') }),
    );
    second.loadStateDict(first.stateDict());
    second.apply(disableObserver).apply(freezeBnStats).eval();
    const x = images();
    expect(noGrad(() => second.call(x)).dataSync()).toEqual(noGrad(() => first.call(x)).dataSync());
    const [a, b] = [await convert(first), await convert(second)];
    expect(noGrad(() => b.call(x)).dataSync()).toEqual(noGrad(() => a.call(x)).dataSync());
  });

  test('a sum that calibration never reached says so when it is used', async () => {
    class Rarely extends SmallNet {
      override forward(x: Tensor): Tensor {
        return this.dequant.call(this.stem.call(this.quant.call(x)));
      }
    }
    const model = new Rarely().eval().fuseModel();
    model.qconfig = getDefaultQConfig('qnnpack');
    const prepared = prepare(model);
    prepared.call(images());
    const int8 = await convert(prepared, { requireCalibration: false });
    const q = images().quantizePerTensor(0.1, 3, 'quint8');
    expect(() => int8.skipAdd.add(q, q)).toThrow(/calibration/);
  });
});

describe('a QAT model in evaluation and its int8 twin, layer by layer on the same inputs', () => {
  const plain = new QConfig({ activation: defaultFakeQuant, weight: defaultWeightFakeQuant });
  const perChannel = new QConfig({ activation: defaultFakeQuant, weight: defaultPerChannelWeightFakeQuant });
  // The fused quantizer trains with another weight scale than conversion uses: docs/numerics.md.
  test.each([
    ['FakeQuantize, per tensor', plain, 1],
    ['FakeQuantize, per channel', perChannel, 1],
    ['fused, per tensor', getDefaultQatQConfig('qnnpack'), 2],
    // Not x86: beyond the range, its fake quantizer clips at 127, and int8 at 255.
    ['fused, per channel', getDefaultQatQConfig('onednn'), 2],
  ])('%s', async (_, qconfig, steps) => {
    const float = trained(qconfig);
    const int8 = await convert(float);
    const twins = new Map(float.namedModules());
    const worst: Record<string, number> = {};
    for (const [path, module] of int8.namedModules()) {
      if (!('scale' in module) || module instanceof quantized.QFunctional) continue;
      module.registerForwardHook((self: AnyModule, args, output) => {
        const { scale } = self as unknown as { scale: number };
        const x = (args as [Tensor])[0];
        const twin = (twins.get(path) as AnyModule).call(x.dequantize()) as Tensor;
        const got = (output as Tensor).dequantize().dataSync();
        const want = twin.dataSync();
        worst[path] = Math.max(...got.map((v, i) => Math.abs(v - want[i]) / scale));
      });
    }
    noGrad(() => int8.call(images()));
    expect(Object.keys(worst)).toEqual(['quant', 'stem.0', 'depthwise.0', 'hidden.0', 'head']);
    for (const [path, found] of Object.entries(worst)) {
      expect(found, `${path} differs by ${found} steps`).toBeLessThanOrEqual(steps + 1e-3);
    }
  });
});

describe('quantizeDynamic', () => {
  test('Linear and LSTM take and return floats near the float model', async () => {
    const model = new Sequential(new Linear(24, 16), new Linear(16, 3)).eval();
    const x = randn([5, 24]);
    const float = noGrad(() => model.call(x)).dataSync();
    for (const options of [{}, { qconfig: perChannelDynamicQConfig }]) {
      const int8 = await quantizeDynamic(model, options);
      const got = noGrad(() => int8.call(x)).dataSync();
      float.forEach((v, i) => {
        expect(Math.abs(v - got[i])).toBeLessThan(0.05);
      });
      expect(int8.stateDict()['0.weight'].dtype).toBe('qint8');
    }
    const lstm = new LSTM(6, 5, { numLayers: 2 }).eval();
    const sequence = randn([7, 2, 6]);
    const int8 = await quantizeDynamic(new (class extends Sequential {})(lstm as never));
    const [want] = noGrad(() => lstm.call(sequence));
    const [got] = noGrad(() => (int8.at(0) as unknown as LSTM).call(sequence));
    const a = want.dataSync();
    got.dataSync().forEach((v, i) => {
      expect(Math.abs(v - a[i])).toBeLessThan(0.05);
    });
  });

  /** What each dynamic product was told, and what came out. */
  function products(model: AnyModule, x: Tensor) {
    const ranges: boolean[] = [];
    const remove = addDispatchHook(({ kernel, attrs }, run) => {
      if (kernel.endsWith('Dynamic')) ranges.push((attrs as DynamicLinearAttrs).reduceRange);
      run();
    });
    const y = noGrad(() => model.call(x));
    remove();
    return { ranges, y: Array.from((y as Tensor).dataSync()) };
  }

  test('inputs have 7 bits where the recipe reduces the range, in copies too', async () => {
    const model = new Sequential(new Linear(24, 16), new Linear(16, 3)).eval();
    const x = randn([5, 24]);
    const eight = await quantizeDynamic(model, { qconfig: defaultDynamicQConfig });
    expect(String(eight[0])).toBe('DynamicQuantizedLinear(inFeatures=24, outFeatures=16, dtype=qint8)');
    for (const engine of ['fbgemm', 'x86'] as const) {
      const seven = await quantizeDynamic(model, { qconfig: getDefaultDynamicQConfig(engine) });
      expect(String(seven[0])).toBe(
        'DynamicQuantizedLinear(inFeatures=24, outFeatures=16, dtype=qint8, reduceRange=true)',
      );
      const found = products(seven.clone(), x);
      expect(found.ranges).toEqual([true, true]);
      expect(found).toEqual(products(seven, x));
      const want = products(eight, x);
      expect(want.ranges).toEqual([false, false]);
      expect(found.y).not.toEqual(want.y);
      found.y.forEach((v, i) => {
        expect(Math.abs(v - want.y[i])).toBeLessThan(0.1);
      });
    }
    expect(getDefaultDynamicQConfig('qnnpack')).toBe(defaultDynamicQConfig);
  });

  test('a fake quantizer for activations says its own range, and layers may differ', async () => {
    const layers = new QConfigMapping()
      .setModuleName('0', getDefaultQatQConfig('x86'))
      .setModuleName('1', getDefaultQatQConfig('qnnpack'));
    const model = new Sequential(new Linear(6, 5), new Linear(5, 3)).eval();
    expect(products(await quantizeDynamic(model, { layers }), randn([2, 6])).ranges).toEqual([true, false]);
  });

  test.each([
    { Layer: LSTM, name: 'qlstmDynamic' },
    { Layer: GRU, name: 'qgruDynamic' },
  ] as const)(
    '$Layer.name takes a kernel for all steps, or one step at a time, to the same numbers',
    async ({ Layer, name }) => {
      const float = new Layer(6, 5, { numLayers: 2 }).eval();
      const int8 = (await quantizeDynamic(float)) as RNNBase<unknown>;
      const x = randn([7, 3, 6]);
      const { [name]: _, ...kernels } = x.backend.kernels;
      const lacking = { ...x.backend, name: 'lacking', kernels };
      const [whole, steps] = [x.backend, lacking].map((backend) => {
        const seen: string[] = [];
        const remove = addDispatchHook(({ kernel }, run) => {
          if (kernel.endsWith('Dynamic')) seen.push(kernel);
          run();
        });
        const [y, state] = int8.to(backend as Backend).call(x.to(backend as Backend));
        remove();
        return { seen, got: [y, state].flat() as Tensor[] };
      });
      expect(whole.seen).toEqual(['qlinearDynamic', name, 'qlinearDynamic', name]);
      expect(steps.seen).toEqual(Array(16).fill('qlinearDynamic'));
      whole.got.forEach((t, i) => {
        const want = steps.got[i].dataSync();
        t.dataSync().forEach((v, at) => {
          expect(Math.abs(v - want[at])).toBeLessThan(1e-6);
        });
      });
    },
  );

  test.each([LSTM, GRU])('%o quantizes inputs and state to 7 bits', async (Layer) => {
    class Wrapped extends Module<[Tensor]> {
      readonly layer = new Layer(6, 5, { numLayers: 2 });
      forward(x: Tensor): Tensor {
        return this.layer.call(x)[0];
      }
    }
    const model = new Wrapped().eval();
    const x = randn([3, 2, 6]);
    const seven = await quantizeDynamic(model, { qconfig: getDefaultDynamicQConfig('x86') });
    expect(String(seven.layer)).toBe(`DynamicQuantized${Layer.name}(6, 5, numLayers=2, reduceRange=true)`);
    // For each layer one product of all inputs, and one kernel for all steps.
    const { ranges, y } = products(seven.clone(), x);
    expect(ranges).toEqual(Array(4).fill(true));
    const eight = await quantizeDynamic(model);
    expect(String(eight.layer)).toBe(`DynamicQuantized${Layer.name}(6, 5, numLayers=2)`);
    expect(products(eight, x).ranges).toEqual(Array(4).fill(false));
    const float = noGrad(() => model.call(x)).dataSync();
    y.forEach((v, i) => {
      expect(Math.abs(v - float[i])).toBeLessThan(0.05);
    });
  });

  test.each([LSTM, GRU])('%o of both directions, and its state dict', async (Layer) => {
    const float = new Layer(6, 5, { numLayers: 2, bidirectional: true }).eval();
    const int8 = (await quantizeDynamic(float)) as RNNBase<unknown>;
    const x = randn([4, 2, 6]);
    const [want, got] = [float as RNNBase<unknown>, int8].map((m) => noGrad(() => m.call(x)[0]).dataSync());
    got.forEach((v, i) => {
      expect(Math.abs(v - want[i])).toBeLessThan(0.05);
    });
    expect(int8.stateDict().weight_hh_l1_reverse.dtype).toBe('qint8');
    const other = (await quantizeDynamic(
      new Layer(6, 5, { numLayers: 2, bidirectional: true }).eval(),
    )) as RNNBase<unknown>;
    other.loadStateDict(int8.stateDict());
    expect(Array.from(noGrad(() => other.call(x)[0]).dataSync())).toEqual(Array.from(got));
  });
});
