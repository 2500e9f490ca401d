import { ArgumentError } from '@octet/backend';
import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  Conv2d,
  Embedding,
  GRU,
  Hardswish,
  Linear,
  Module,
  ReLU,
  Sequential,
} from '@octet/nn';
import { GraphModule } from '@octet/nn/graph';
import { exportOnnx, importOnnx, symbolicTrace } from '@octet/onnx';
import {
  dynamic,
  fuseFx,
  getDefaultQConfig,
  getDefaultQConfigMapping,
  MinMaxObserver,
  QConfig,
  quantized,
} from '@octet/quantization';
import { manualSeed, noGrad, rand, randint, randn, type Tensor, tensor, zeros } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  freeCures,
  type LayerCost,
  type QuantizeOptions,
  type QuantizeReport,
  quantize,
  renderQuantizeReport,
  smoothQuant,
} from '../src';
import { blocksOf, partOf } from '../src/quantize/blocks';
import { canBeDynamic } from '../src/quantize/dynamic-layers';
import { floatParts, measureRoundings, roundingsOf } from '../src/quantize/float-parts';
import { bitsIn, int4Of, isInt4, memoryBound, withInt8Tables } from '../src/quantize/grouped-layers';
import { isGain, Reference, worthOf } from '../src/quantize/noise';
import { outputsOf } from '../src/quantize/outputs';
import { Price } from '../src/quantize/price';
import { type AnyGraph, int8Of, layersWithWeights, quantizersOf, simulate } from '../src/quantize/simulation';
import { split } from '../src/quantize/split';
import { running } from '../src/quantize/states';
import { varied } from '../src/quantize/vary';

beforeEach(() => manualSeed(0));

/** Channels of which some are a hundred times as large as others: one scale doesn't fit them. */
class Uneven extends Module<[Tensor], Tensor> {
  static override readonly name = 'Uneven';
  readonly first = new Conv2d(1, 8, 3, { padding: 1 });
  readonly relu = new ReLU();
  readonly second = new Conv2d(8, 8, 3, { padding: 1 });
  readonly third = new Conv2d(8, 2, 1);

  constructor() {
    super();
    noGrad(() => {
      const factors = Float32Array.from({ length: 8 }, (_, i) => 10 ** (i / 4));
      const scale = (t: Tensor, by: (i: number) => number) => {
        const data = Float32Array.from(t.dataSync(), (v, i) => v * by(i));
        t.copy_(tensor(data).reshape(t.shape));
      };
      scale(this.first.weight, (i) => factors[Math.floor(i / 9)]);
      scale(this.first.bias as Tensor, (i) => factors[i]);
      scale(this.second.weight, (i) => 1 / factors[Math.floor(i / 9) % 8]);
    });
  }

  forward(x: Tensor): Tensor {
    return this.third.call(this.relu.call(this.second.call(this.relu.call(this.first.call(x)))));
  }
}

const wholeRecipe = {
  qconfig: getDefaultQConfig(),
  named: new Map(),
  inFloat: [],
  weightOnly: [],
  dynamic: [],
  int4: new Map(),
  int4Rounded: false,
  variations: 0,
  smooth: undefined,
  equalized: false,
  rounded: false,
  corrected: false,
  rules: undefined,
};

const data = (n: number) => Array.from({ length: n }, () => rand([1, 1, 8, 8]));

describe('split', () => {
  test.each([
    [1, [1, 1, 1, true]],
    [2, [2, 2, 2, true]],
    [4, [3, 1, 1, true]],
    [12, [8, 2, 2, false]],
    [100, [60, 20, 20, false]],
  ])('of %i', (n, expected) => {
    const { calibration, choice, judgement, judgedOnOwn } = split(data(n));
    expect([calibration.length, choice.length, judgement.length, judgedOnOwn]).toEqual(expected);
    if (judgedOnOwn) return;
    const all = new Set([...calibration, ...choice, ...judgement]);
    expect(all.size).toBe(n);
  });
});

describe('quantize', () => {
  test('the recipe alone without cures, and what it costs', async () => {
    const model = new Uneven();
    const before = model.first.weight.dataSync().slice();
    const { model: int8, report } = await quantize(model, { data: data(12), cures: [] });
    expect(report.cures).toEqual([]);
    expect(report.before).toEqual(report.after);
    expect(report.recipe).toMatchObject({ db: report.after[0], bytes: report.bytes.int8 });
    expect(report.inputs).toEqual({ calibration: 8, choice: 2, judgement: 2 });
    expect(report.bytes.int8).toBeLessThan(0.5 * report.bytes.float);
    expect(int8).toBeInstanceOf(GraphModule);
    expect(model.first.weight.dataSync()).toEqual(before);
    expect(model.training).toBe(true);
    expect(report.layers.filter(({ runs }) => runs === 'int8').length).toBeGreaterThanOrEqual(3);
  });

  test('what costs nothing without a target, where it gains; cures that are named are all tried', async () => {
    const { report } = await quantize(new Uneven(), { data: data(12) });
    expect(report.cures.map(({ cure }) => cure)).toEqual(freeCures);
    expect(report.cures.find(({ cure }) => cure === 'equalize')).toMatchObject({ kept: true });
    const [before, after] = [report.before, report.after].map((db) => (db as number[])[0]);
    expect(after).toBeGreaterThan(before + 1);
    expect(report.target).toBeNull();
    const named = await quantize(new Uneven(), { data: data(12), cures: ['gptq', 'smoothQuant'] });
    expect(named.report.cures.map(({ cure }) => cure)).toEqual(['gptq', 'smoothQuant']);
  });

  test('a poor model is told of first, and what would help where nothing was asked for', async () => {
    const { report } = await quantize(new Uneven(), { data: data(12), cures: [] });
    const of = (db: number, target: number | null) =>
      Object.assign(Object.create(Object.getPrototypeOf(report)), report, {
        ...{ after: [db], target, reached: true, ms: { float: 2, int8: 1 } },
      }).warnings;
    expect(of(9, null)).toEqual([expect.stringMatching(/9\.0 dB .*don’t use this model\. Give a target/)]);
    expect(of(9, 8)).toEqual([expect.stringMatching(/9\.0 dB .*don’t use this model\.$/)]);
    expect(of(19, null)).toEqual([expect.stringMatching(/19\.0 dB .*Give a target/)]);
    expect(of(19, 15)).toEqual([]);
    expect(of(21, null)).toEqual([]);
  });

  test('cures in the order of their price until the target is reached', async () => {
    const steps: string[] = [];
    const { report } = await quantize(new Uneven(), {
      data: data(12),
      target: 36,
      onProgress: ({ what }) => steps.push(what),
    });
    const [before] = report.before as number[];
    const [after] = report.after as number[];
    expect(before).toBeLessThan(34);
    expect(after).toBeGreaterThan(before + 3);
    expect(report.cures.map(({ cure }) => cure).slice(0, 2)).toEqual(['ranges', 'gptq']);
    expect(report.cures.find(({ cure }) => cure === 'smoothQuant')).toMatchObject({
      kept: true,
      point: { bytes: expect.any(Number), ms: expect.any(Number) },
    });
    const kept = report.cures.filter((trial) => trial.kept);
    expect(kept[kept.length - 1].point?.db).toBe(after);
    // The last one that was tried is the one that was enough, or all were tried.
    const last = report.cures[report.cures.length - 1];
    expect(last.kept || last.cure === 'distill').toBe(true);
    expect(steps).toContain('smoothQuant');
    expect(String(report)).toContain('the recipe alone');
  });

  test('training without labels helps where weights are spoiled', async () => {
    const model = symbolicTrace(new Uneven().eval(), data(1)[0]);
    const { report } = await quantize(await model, {
      data: data(24),
      target: 90,
      cures: ['reconstruct', 'distill'],
      budget: 20,
    });
    const reconstruct = report.cures.find(({ cure }) => cure === 'reconstruct');
    expect(reconstruct?.kept).toBe(true);
    expect(reconstruct?.gainDb).toBeGreaterThan(1);
    expect(report.reached).toBe(false);
    expect(report.warnings[0]).toMatch(/./);
  });

  test('a metric as the target', async () => {
    const asked: number[] = [];
    const { report } = await quantize(new Uneven(), {
      data: data(12),
      target: {
        name: 'calls',
        atLeast: 1,
        metric: () => asked.push(1),
      },
    });
    expect(report.metric).toMatchObject({ name: 'calls' });
    expect(report.cures).toEqual([]);
    expect(report.reached).toBe(true);
  });

  test('layers that are excluded stay in float', async () => {
    const graph = await symbolicTrace(new Uneven().eval(), data(1)[0]);
    const path = graph.namedModules().find(([, m]) => m instanceof Conv2d)?.[0] as string;
    const { model, report } = await quantize(graph, { data: data(3), exclude: [path] });
    expect(model.getSubmodule(path).constructor.name).toBe('ConvReLU2d');
    expect(report.layers.find((layer) => layer.path === path)).toMatchObject({
      runs: 'float',
      reason: 'recipe',
    });
    expect(report.warnings.join()).toContain('less than 12');
  });

  test('refuses bad options, and ends when it is told to', async () => {
    const model = new Uneven();
    await expect(quantize(model, { data: [] })).rejects.toThrow('some inputs');
    await expect(quantize({} as never, { data: data(1) })).rejects.toThrow('quantize');
    await expect(quantize(model, { data: data(1), cures: ['hope' as never] })).rejects.toThrow('reconstruct');
    await expect(quantize(model, { data: data(1), aim: 3 } as never)).rejects.toThrow('aim');
    const controller = new AbortController();
    const ended = quantize(model, {
      data: data(12),
      target: 99,
      signal: controller.signal,
      onProgress: ({ what }) => what === 'ranges' && controller.abort(new Error('enough')),
    });
    await expect(ended).rejects.toThrow('enough');
  });
});

describe('4-bit weights', () => {
  const wide = () =>
    new Sequential(
      new Linear(512, 2048),
      new ReLU(),
      new Linear(2048, 64),
      new ReLU(),
      new Linear(64, 4),
    ).eval();
  const rows = (n: number, batch = 1) => Array.from({ length: n }, () => randn([batch, 512]));
  const tried = ({ cures }: QuantizeReport) => cures.map(({ cure, kept }) => [cure, kept]);

  test('take what a target leaves room for, and the target still holds', { timeout: 60_000 }, async () => {
    const [model, inputs] = [wide(), rows(12)];
    const int8 = await quantize(model, { data: inputs, cures: [] });
    expect(int8.report.cures).toEqual([]);
    const target = 15;
    expect(int8.report.after[0]).toBeGreaterThan(target + 5);
    const { model: int4, report } = await quantize(model, { data: inputs, target });
    expect(tried(report)).toEqual([['int4', true]]);
    expect(report.reached).toBe(true);
    expect(report.after[0]).toBeGreaterThanOrEqual(target);
    expect(report.int4).toContain('0');
    expect(report.bytes.int8).toBeLessThan(0.7 * int8.report.bytes.int8);
    expect(String(report)).toMatch(
      / int4 +-\d+\.\d dB +kept, .*: 0.*, in groups of (32|64|128): 0\.1\d of float's file, 0\.2\d without; \d+\.\d\d times the time/,
    );
    expect(String(report)).toContain('4-bit weights in groups, products in float: 0');
    expect(renderQuantizeReport(report)).toContain('4-bit weights in groups, products of floats');
    const costs = report.layers.filter(({ path }) => report.int4.includes(path));
    expect(costs.reduce((sum, { share }) => sum + share, 0)).toBeGreaterThan(0.5);
    const bytes = await exportOnnx(int4, inputs[0]);
    expect(bytes.length).toBeLessThan(1.05 * report.bytes.int8 + 5000);
    const [a, b] = [int4, await importOnnx<Tensor>(bytes)].map((m) =>
      (m.call(inputs[0]) as Tensor).dataSync(),
    );
    for (const [i, v] of a.entries()) expect(v).toBeCloseTo(b[i], 5);
  });

  test('leave alone what the target needs, and what it isn’t reached without', async () => {
    const [model, inputs] = [wide(), rows(12)];
    const int8 = await quantize(model, { data: inputs });
    const needed = await quantize(model, { data: inputs, target: 26, cures: ['int4'] });
    expect(tried(needed.report)).toEqual([['int4', false]]);
    expect(needed.report.int4).toEqual([]);
    expect(needed.report.after).toEqual(int8.report.after);
    expect(needed.report.cures[0].what).toContain('no room');
    const missed = await quantize(model, { data: inputs, target: 90, cures: ['int4'] });
    expect(missed.report.cures).toEqual([]);
  });

  test('without a target are for those who ask: all of them, in groups of 32', async () => {
    const [model, inputs] = [wide(), rows(3)];
    expect(tried((await quantize(model, { data: inputs })).report).map(([cure]) => cure)).toEqual(freeCures);
    const { report } = await quantize(model, { data: inputs, cures: ['int4'], exclude: ['2'] });
    expect(tried(report)).toEqual([['int4', true]]);
    expect(report.cures[0].what).toContain('in groups of 32');
    expect(report.int4).toEqual(['0']);
  });

  test('are never tried on convolutions, which come out as they did', async () => {
    const [model, inputs] = [new Uneven(), data(12)];
    const all = await quantize(model, { data: inputs, target: 10 });
    expect(all.report.cures).toEqual([]);
    const none = await quantize(model, { data: inputs, cures: [] });
    const [a, b] = [all, none].map(({ model: int8 }) => (int8.call(inputs[0]) as Tensor).dataSync());
    expect(a).toEqual(b);
  });

  test('are for one row, or tables, of a third of all weights', async () => {
    const of = async (model: Module<[Tensor], Tensor>, x: Tensor) =>
      memoryBound(fuseFx((await symbolicTrace(model.eval(), x)) as AnyGraph), x).map(({ path, bits }) => [
        path,
        bits,
      ]);
    const [one] = rows(1);
    expect(await of(wide(), one)).toEqual([
      ['0', 8],
      ['2', 8],
    ]);
    expect(await of(wide(), rows(1, 2)[0])).toEqual([]);
    expect(await of(new Sequential(new Linear(512, 512), new ReLU()), one)).toEqual([]);
    const word = tensor([[3, 4, 5]], { dtype: 'int32' });
    const reads = new Sequential(new Embedding(17_000, 64) as never, new Linear(64, 8) as never);
    expect(await of(reads as never, word)).toEqual([['0', 32]]);
    const int8 = await withInt8Tables(
      fuseFx((await symbolicTrace(reads.eval(), word)) as AnyGraph),
      () => false,
    );
    expect(memoryBound(int8, word)).toEqual([{ path: '0', weights: 17_000 * 64, isTable: true, bits: 8 }]);
    const heavy = new Sequential(new Embedding(17_000, 64) as never, new Linear(64, 40_000) as never);
    expect(await of(heavy as never, word)).toEqual([]);
  });

  test('of tables are 8 by the recipe, and 4 where the target leaves room; excluded ones stay in float', async () => {
    const words = () => Array.from({ length: 12 }, () => randint(0, 17_000, [1, 5]));
    const model = new Sequential(
      new Embedding(17_000, 64) as never,
      new Linear(64, 8) as never,
    ).eval() as never;
    const of = async (options: Omit<QuantizeOptions, 'data'>) =>
      (await quantize(model, { data: words(), ...options })).report;
    const eight = await of({});
    expect([eight.weightOnly, eight.int4]).toEqual([['0'], []]);
    expect(eight.bytes.int8).toBeLessThan(0.27 * eight.bytes.float);
    expect(eight.after[0]).toBeGreaterThan(30);
    expect(String(eight)).toContain('int8 weights, products in float: 0');
    const four = await of({ target: 15 });
    expect([four.weightOnly, four.int4, four.reached]).toEqual([[], ['0'], true]);
    expect(four.bytes.int8).toBeLessThan(0.16 * four.bytes.float);
    const float = await of({ exclude: ['0'], cures: ['int4'] });
    expect([float.weightOnly, float.int4]).toEqual([[], []]);
    expect(float.bytes.int8).toBeGreaterThan(0.9 * float.bytes.float);
  });

  test('have the sizes that are reckoned with', async () => {
    const layer = new Linear(256, 32);
    for (const groupSize of [32, 64, 128]) {
      const made = await int4Of(layer, 'layer', groupSize);
      expect(isInt4(made)).toBe(true);
      const bytes = made.buffers().reduce((sum, t) => sum + t.nbytes, 0);
      expect(bytes - 4 * 32).toBe((layer.weight.numel * bitsIn(groupSize)) / 8);
    }
    expect(isInt4(layer)).toBe(false);
  });
});

describe('what each layer costs', () => {
  const shares = (layers: readonly LayerCost[]) => layers.reduce((sum, { share }) => sum + share, 0);

  test('is measured alone, the costliest first; what stays in float costs nothing', async () => {
    const graph = await symbolicTrace(new Uneven().eval(), data(1)[0]);
    const convs = graph.namedModules().flatMap(([path, m]) => (m instanceof Conv2d ? [path] : []));
    const inputs = data(12);
    const { report } = await quantize(graph, { data: inputs, exclude: [convs[2]] });
    const { layers } = report;
    expect(shares(layers)).toBeCloseTo(1);
    expect(layers.map(({ share }) => share)).toEqual(layers.map(({ share }) => share).sort((a, b) => b - a));
    expect(layers.find(({ path }) => path === convs[2])).toMatchObject({ sqnrDb: null, share: 0 });
    // As much as the model loses that has no other int8 layer.
    const [{ path, sqnrDb }] = layers;
    const alone = await quantize(graph, { data: inputs, exclude: convs.filter((each) => each !== path) });
    expect(Math.abs((sqnrDb as number) - (alone.report.after[0] as number))).toBeLessThan(1.5);
    expect(sqnrDb).toBeLessThan((report.after[0] as number) + 10);
  });

  test('of recurrent layers too, by either kind of int8', async () => {
    const frames = Array.from({ length: 20 }, () => [randn([1, 1, 6]), zeros([1, 2, 8])]);
    const model = await symbolicTrace<Tensor[]>(new Filter().eval(), frames[0] as Tensor[]);
    const gru = model.namedModules().find(([, m]) => m instanceof GRU)?.[0] as string;
    for (const options of [{}, { target: 100, cures: ['weightOnly'] as const }]) {
      const { report } = await quantize(model, { data: frames, ...options });
      const layer = report.layers.find(({ path }) => path === gru);
      expect(layer?.share).toBeGreaterThan(0.001);
      expect(layer?.sqnrDb).toBeGreaterThan(Math.min(...(report.after as number[])) - 1);
      expect(shares(report.layers)).toBeCloseTo(1);
    }
  });
});

describe('its parts', () => {
  const traced = (model: Module<[Tensor], Tensor>, x: Tensor) =>
    symbolicTrace(model.eval(), x) as Promise<AnyGraph>;

  test('smoothQuant keeps what the model computes', async () => {
    const inputs = data(4);
    const fused = fuseFx(await traced(new Uneven(), inputs[0]));
    const before = outputsOf(fused, inputs[0])[0].dataSync();
    const weights = Object.values(fused.stateDict()).map((t) => t.dataSync().slice());
    const pairs = await smoothQuant(fused, inputs);
    expect(pairs).toHaveLength(2);
    expect(Object.values(fused.stateDict()).map((t) => t.dataSync())).not.toEqual(weights);
    const after = outputsOf(fused, inputs[0])[0].dataSync();
    for (const [i, v] of before.entries()) expect(after[i]).toBeCloseTo(v, 4);
    await expect(smoothQuant(fused, inputs, { alpha: 2 })).rejects.toThrow('alpha from 0 to 1');
  });

  test('what a node gives stays rounded as long as a layer beside it is int8; parts in float take most noise first', async () => {
    const inputs = data(2);
    const fused = fuseFx(await traced(new Uneven(), inputs[0]));
    const simulation = await simulate(fused, wholeRecipe, inputs);
    const roundings = roundingsOf(simulation);
    const of = (weight: boolean) => roundings.filter(({ weightOf }) => (weightOf !== undefined) === weight);
    expect(of(true).map(({ layers }) => layers)).toEqual([['first'], ['second'], ['third']]);
    // The input's, and what each layer gives.
    expect(of(false).map(({ layers }) => [...layers].sort())).toEqual([
      ['first'],
      ['first', 'second'],
      ['second', 'third'],
      ['third'],
    ]);
    const measured = await measureRoundings(simulation, await Reference.of(fused, inputs), () => {});
    expect(measured.every(({ noise }) => noise > 0)).toBe(true);
    const options = { price: () => 0.1, weights: () => 0.2, mayKeepWeights: true };
    const parts = floatParts(measured, { ...options, most: 0.5 });
    const last = parts[parts.length - 1];
    expect([...last.inFloat, ...last.weightOnly].sort()).toEqual(['first', 'second', 'third']);
    expect(last.inFloat.size).toBe(2);
    expect(last.price).toBeCloseTo(0.3);
    // Dearer layers come last.
    const dear = floatParts(measured, {
      ...options,
      most: 1,
      price: (path) => (path === 'second' ? 1e9 : 0.1),
    });
    expect([...dear[0].inFloat]).not.toContain('second');
    expect(floatParts(measured, { ...options, mayKeepWeights: false, most: 0 })).toEqual([]);
  });

  test('blocks one after another are the whole', async () => {
    const [x] = data(1);
    const graph = await traced(new Uneven(), x);
    const blocks = blocksOf(graph);
    expect(blocks.length).toBeGreaterThan(1);
    let values: Tensor[] = [x];
    for (const block of blocks) values = outputsOf(partOf(graph, block), values);
    expect(values[0].dataSync()).toEqual(outputsOf(graph, x)[0].dataSync());
  });

  test('ranges end where their readers saturate', async () => {
    const inputs = Array.from({ length: 4 }, () => randn([1, 2, 6, 6]).mul(20));
    const net = new Sequential(new Conv2d(2, 4, 1), new Hardswish(), new Conv2d(4, 2, 1));
    const fused = fuseFx(await traced(net as never, inputs[0]));
    const qconfig = new QConfig({ activation: MinMaxObserver, weight: getDefaultQConfig().weight });
    const simulation = await simulate(fused, { ...wholeRecipe, qconfig }, inputs);
    const [first] = quantizersOf(simulation).filter((q) => {
      const [scale] = q.scale.dataSync();
      const [zero] = q.zeroPoint.dataSync();
      return Math.abs(scale * zero - 3) < scale;
    });
    expect(first).toBeDefined();
  });
});

/** A filter with a state, which is an input and an output. */
class Filter extends Module<[Tensor, Tensor], Tensor[]> {
  static override readonly name = 'Filter';
  readonly recurrent = new GRU(6, 8, { numLayers: 2, batchFirst: true });
  readonly head = new Linear(8, 3);

  forward(x: Tensor, state: Tensor): Tensor[] {
    const [y, last] = this.recurrent.call(x, state.transpose(0, 1));
    return [this.head.call(y), last.transpose(0, 1)];
  }
}

describe('models with states', () => {
  const frames = (n: number) => Array.from({ length: n }, () => [randn([1, 1, 6]), zeros([1, 2, 8])]);
  const filter = async () => {
    const [x, state] = frames(1)[0];
    return symbolicTrace<Tensor[]>(new Filter().eval(), [x, state]);
  };

  test('are found, and judged running freely', async () => {
    const model = await filter();
    const { report } = await quantize(model, { data: frames(20) });
    expect(report.states).toEqual([[model.inputNames[1], model.outputNames[1]]]);
    expect(report.inputs).toEqual({ calibration: 12, choice: 4, judgement: 4 });
    expect(String(report)).toContain('running freely');
    const given = await quantize(model, { data: frames(20), states: {} });
    expect(given.report.states).toEqual([]);
  });

  test('get their own states back, from the second input on', async () => {
    const model = (await filter()) as never as AnyGraph;
    const inputs = frames(3);
    const all = [...running(model, inputs, new Map([[1, 1]]))];
    expect(all[0].input).toBe(inputs[0]);
    for (const i of [1, 2]) expect((all[i].input as Tensor[])[1]).toBe(all[i - 1].outputs[1]);
  });

  test('a name that the model lacks is refused', async () => {
    const data = frames(3);
    await expect(quantize(await filter(), { data, states: { state: 'none' } })).rejects.toThrow(
      ArgumentError,
    );
  });

  test('recurrent layers keep int8 weights alone where that is better', async () => {
    const model = await filter();
    const { model: int8, report } = await quantize(model, {
      data: frames(20),
      recipe: getDefaultQConfigMapping(),
      target: 100,
      cures: ['weightOnly'],
    });
    const [cure] = report.cures;
    expect(cure).toMatchObject({ cure: 'weightOnly', kept: true });
    expect(report.weightOnly.length).toBeGreaterThan(0);
    expect(report.dynamic).toEqual([]);
    expect(int8.modules().some((m) => m instanceof quantized.WeightOnly)).toBe(true);
    expect(report.bytes.int8).toBeLessThan(0.6 * report.bytes.float);
    expect(cure.gainDb).toBeGreaterThan(0.2);
  });

  test('without a target all layers have int8 weights alone where rounded activations add up', async () => {
    const [x, state] = leakyFrames(1)[0];
    const model = await symbolicTrace<Tensor[]>(new Leaky().eval(), [x, state]);
    const states = { [model.inputNames[1]]: model.outputNames[1] };
    const { model: int8, report } = await quantize(model, { data: leakyFrames(40), states });
    expect(report.cures.map(({ cure }) => cure)).toEqual([...freeCures, 'weightOnly']);
    expect(report.cures[2]).toMatchObject({ kept: true });
    expect(report.weightOnly).toHaveLength(3);
    expect(report.inFloat.filter(({ path }) => report.weightOnly.includes(path))).toEqual([]);
    expect(int8.modules().filter((m) => m instanceof quantized.WeightOnly)).toHaveLength(3);
    const [before, after] = [report.before, report.after].map((db) => Math.min(...(db as number[])));
    expect(after).toBeGreaterThan(before + 3);
  });
});

/** A sum that forgets slowly what it took: rounding stays in it. */
class Leaky extends Module<[Tensor, Tensor], Tensor[]> {
  static override readonly name = 'Leaky';
  readonly first = new Linear(6, 32);
  readonly relu = new ReLU();
  readonly second = new Linear(32, 8);
  readonly head = new Linear(8, 3);

  forward(x: Tensor, state: Tensor): Tensor[] {
    const next = state.mul(0.98).add(this.second.call(this.relu.call(this.first.call(x))));
    return [this.head.call(next), next];
  }
}

const leakyFrames = (n: number) => Array.from({ length: n }, () => [randn([1, 6]), zeros([1, 8])]);

/** A layer whose outputs 8 bits don't hold: the few large ones are of channels that nothing reads much. */
class Wide extends Module<[Tensor], Tensor> {
  static override readonly name = 'Wide';
  readonly first = new Conv2d(2, 8, 3, { padding: 1 });
  readonly second = new Conv2d(8, 2, 1);

  constructor() {
    super();
    noGrad(() => {
      const factors = Float32Array.from({ length: 8 }, (_, i) => (i === 7 ? 300 : 1));
      const rows = tensor([...factors]).reshape([8, 1, 1, 1]);
      this.first.weight.copy_(this.first.weight.mul(rows));
      this.second.weight.copy_(this.second.weight.div(rows.reshape([1, 8, 1, 1])));
    });
  }

  forward(x: Tensor): Tensor {
    return this.second.call(this.first.call(x));
  }
}

describe('layers that quantize their inputs at every call', () => {
  const images = () => Array.from({ length: 12 }, () => randn([1, 2, 12, 12]));

  test('have the weights of the simulation, and no rounding of outputs', async () => {
    const inputs = images();
    const graph = (await symbolicTrace(new Wide().eval(), inputs[0])) as AnyGraph;
    const recipe = { ...wholeRecipe, dynamic: ['first'] };
    const simulation = await simulate(fuseFx(graph), recipe, inputs);
    const int8 = await int8Of({ simulation, recipe });
    expect(int8.getSubmodule('first')).toBeInstanceOf(dynamic.Conv2d);
    const reference = await Reference.of(graph, inputs);
    const without = await simulate(fuseFx(graph), wholeRecipe, inputs);
    const before = await reference.judge(await int8Of({ simulation: without, recipe: wholeRecipe }));
    const after = await reference.judge(int8);
    // The outputs of `first` aren't rounded, its inputs are as before.
    expect(after.score).toBeGreaterThan(before.score);
  });

  test('are a cure, and said in the report', async () => {
    const { model, report } = await quantize(new Wide(), {
      data: images(),
      target: 100,
      budget: 20,
      cures: ['dynamic'],
    });
    const [cure] = report.cures;
    expect(cure.cure).toBe('dynamic');
    const found = model.modules().some((m) => m instanceof dynamic.Conv2d);
    expect(found).toBe(cure.kept);
    expect(report.dynamic.length > 0).toBe(cure.kept);
    if (cure.kept) expect(cure.gainDb).toBeGreaterThan(0.2);
  });

  test('leave what has no such form', () => {
    expect(canBeDynamic(new Linear(2, 2))).toBe(true);
    expect(canBeDynamic(new Conv2d(2, 2, 1))).toBe(true);
    expect(canBeDynamic(new Conv2d(2, 2, 1, { groups: 2 }))).toBe(false);
    expect(canBeDynamic(new ReLU())).toBe(false);
  });
});

test('biases are corrected around averages', async () => {
  const net = new Sequential(
    new Conv2d(2, 4, 3),
    new AdaptiveAvgPool2d(2),
    new Conv2d(4, 4, 1),
    new AvgPool2d(2),
    new Conv2d(4, 2, 1),
  );
  const data = Array.from({ length: 12 }, () => randn([1, 2, 8, 8]));
  const { report } = await quantize(net, { data, target: 100, cures: ['correctBias'] });
  expect(report.cures[0]).toMatchObject({ cure: 'correctBias', what: '3 layers' });
});

describe('a gain', () => {
  const comparison = (score: number, each: number[]) => ({ db: [score], score, each });
  test.each([
    [[1, 1.2, 0.8, 1], true],
    // One of four inputs makes all of it.
    [[5, -0.5, -0.3, -0.2], false],
    [[1], true],
    [[0.1], false],
  ])('of %j dB for each input is kept: %s', (gains, kept) => {
    const before = comparison(
      20,
      gains.map(() => 20),
    );
    const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
    const after = comparison(
      20 + mean,
      gains.map((gain) => 20 + gain),
    );
    expect(isGain(before, after)).toBe(kept);
  });
});

describe('worth and price', () => {
  const worth = (db: number[], enough = 100) => {
    const mean = db.reduce((sum, each) => sum + each, 0) / db.length;
    return worthOf({ db, score: mean, each: [mean] }, enough);
  };

  test('a dB counts most where the model is ruined, and not beyond what is enough', () => {
    const gain = (from: number, to: number, enough?: number) => worth([to], enough) - worth([from], enough);
    expect(gain(20, 21)).toBeCloseTo(4);
    expect(gain(26, 27)).toBeCloseTo(3);
    expect(gain(35, 36)).toBeCloseTo(0.5);
    expect(gain(41, 42, 40)).toBe(0);
    expect(gain(29, 31)).toBeCloseTo(3.5);
    // The worst output counts more than another.
    expect(worth([31, 41]) - worth([21, 41])).toBeGreaterThan(worth([31, 41]) - worth([31, 31]));
  });

  test('layers in float cost the time that int8 gains, in every run the same', async () => {
    const [x] = data(1);
    const fused = fuseFx(await symbolicTrace(new Uneven().eval(), x));
    const paths = layersWithWeights(fused);
    const price = new Price(fused, x);
    expect(price.part(wholeRecipe)).toBe(0);
    expect(price.of(wholeRecipe)).toBe(0);
    expect(paths.reduce((sum, path) => sum + price.inFloat(path), 0)).toBeCloseTo(1);
    const all = { ...wholeRecipe, weightOnly: paths as never[] };
    expect(price.part(all)).toBe(1);
    // Less than 18 dB, of what int8 gains of float's time.
    expect(price.of(all)).toBeGreaterThan(2);
    expect(price.of(all)).toBeLessThan(18);
    const one = { ...wholeRecipe, inFloat: [paths[0]] as never[] };
    expect(price.part(one)).toBeGreaterThan(price.inFloat(paths[0]));
    expect(price.of(one)).toBeLessThan(price.of(all));
    expect(new Price(fused, x).of(one)).toBe(price.of(one));
  });
});

describe('the file', () => {
  test('has room for light weights of layers that compute in floats anyway, and stays below a third', async () => {
    const layers = [new Conv2d(2, 16, 3, { padding: 1 }), new ReLU(), new Conv2d(16, 96, 3), new ReLU()];
    const model = new Sequential(...layers, new Conv2d(96, 96, 3), new ReLU(), new Conv2d(96, 2, 1)).eval();
    const inputs = Array.from({ length: 12 }, () => randn([1, 2, 12, 12]));
    const { model: int8, report } = await quantize(model, {
      data: inputs,
      target: 50,
      cures: ['weightOnly'],
    });
    expect(report.reached).toBe(true);
    expect(report.weightOnly).toEqual(['2', '4']);
    expect(report.cures[0].what).toMatch(/in float: (6, 0|0, 6)/);
    const bytes = async (of: AnyGraph) => (await exportOnnx(of, [inputs[0]])).length;
    expect(await bytes(int8)).toBeLessThan(
      0.32 * (await bytes(await symbolicTrace<Tensor>(model, inputs[0]))),
    );
  });
});

describe('models without a layer that has a static int8 form', () => {
  const data = () => Array.from({ length: 12 }, () => randn([2, 5, 8]));

  test('recurrent layers alone get their int8', async () => {
    class Last extends Module {
      static override readonly name: string = 'Last';
      readonly gru = new GRU(8, 16, { batchFirst: true });

      forward(x: Tensor): Tensor {
        return this.gru.call(x)[0];
      }
    }
    const { model, report } = await quantize(new Last().eval(), { data: data() });
    expect(model.modules().some((module) => module instanceof dynamic.GRU)).toBe(true);
    expect(report.after[0]).toBeGreaterThan(20);
    // Its zeros have the size of the batch.
    expect(report.warnings).toContainEqual(expect.stringMatching(/sizes alone.*batch.*'gru'/));
    expect(report.isFloat).toBe(false);
  });

  test('one that has nothing to quantize stays as it is, and the report says so', async () => {
    const model = await symbolicTrace(new Sequential(new Hardswish(), new ReLU()).eval(), [randn([2, 5, 8])]);
    const { report } = await quantize(model, { data: data() });
    expect(String(report)).toMatch(/^Nothing of this model/);
  });
});

describe('few inputs', () => {
  test('the model is made of all of them in the end, and the report says so', async () => {
    const { report } = await quantize(new Uneven(), { data: data(4), target: 90, cures: ['ranges'] });
    expect(report).toMatchObject({ judgedOnOwn: true, refitted: true });
    expect(String(report)).toContain('of all inputs');
    const many = await quantize(new Uneven(), { data: data(12), target: 90, cures: ['ranges'] });
    expect(many.report.refitted).toBe(false);
  });

  test('variations have the shapes of the inputs, and are the same for the same number', async () => {
    const inputs = [
      [rand([1, 1, 20, 18]), tensor([1, 2], { dtype: 'int32' })],
      [rand([1, 1, 20, 18]), tensor([3, 4], { dtype: 'int32' })],
    ];
    for (let n = 0; n < 6; n++) {
      const [a, b] = (await Promise.all([varied(inputs, n), varied(inputs, n)])) as Tensor[][];
      expect(a[0].shape).toEqual([1, 1, 20, 18]);
      expect(Array.from(a[0].dataSync())).toEqual(Array.from(b[0].dataSync()));
      expect(Array.from(a[0].dataSync())).not.toEqual(Array.from(inputs[n % 2][0].dataSync()));
      expect(a[1]).toBe(inputs[n % 2][1]);
      expect(a[0].dataSync().every(Number.isFinite)).toBe(true);
    }
  });
});

test('a cure that is a gain on the inputs it was fitted to, and none on another one, is not kept', async () => {
  manualSeed(3);
  const net = new Sequential(new Conv2d(16, 16, 1), new ReLU(), new Conv2d(16, 4, 1)).eval();
  // Rounded weights of a constant input err the same way everywhere: a bias takes that back, and doubles it for the input's negative.
  const constant = (sign: number) => rand([1, 16, 8, 8]).mul(0.1).add(1).mul(sign);
  const trial = async (signs: readonly number[]) => {
    const data = signs.map(constant);
    const { report } = await quantize(net, { data, target: 100, cures: ['correctBias'] });
    return report.cures[0];
  };
  expect(await trial([1, 1, 1, 1, 1, 1])).toMatchObject({ kept: true });
  const fitted = await trial([1, 1, -1, 1, 1, -1]);
  expect(fitted.kept).toBe(false);
});
