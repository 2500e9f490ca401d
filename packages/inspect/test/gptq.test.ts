import { Conv1d, Conv2d, Linear, Module, ReLU, Sequential } from '@octet/nn';
import { symbolicTrace } from '@octet/onnx';
import {
  Conversion,
  defaultGraphQConfig,
  fuse,
  getDefaultQConfig,
  int4WeightOnly,
  quantize_,
} from '@octet/quantization';
import { cat, manualSeed, noGrad, rand, randn, type Tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import { gptq } from '../src';
import { Refiner } from '../src/quantize/refine';
import type { AnyGraph } from '../src/quantize/simulation';

beforeEach(() => manualSeed(0));

type Layer = Conv1d | Conv2d | Linear;

/** Rounded by the recipe, as `convert` does. */
async function nearest(layer: Layer, qconfig = defaultGraphQConfig): Promise<Tensor> {
  const int8 = await new Conversion('test', 'layer', qconfig, layer).weight(layer.weight);
  return noGrad(() => int8.dequantize());
}

/** Signal to noise with the weight of the recipe's integers, in dB. */
async function db(float: Layer, layer: Layer, x: Tensor): Promise<number> {
  const rounded = layer.clone();
  const weight = await nearest(layer);
  noGrad(() => rounded.weight.copy_(weight));
  const [y, z] = noGrad(() => [float.call(x as never), rounded.call(x as never)]) as Tensor[];
  const power = (t: Tensor) => Array.from(t.dataSync()).reduce((sum, v) => sum + v * v, 0);
  return 10 * Math.log10(power(y) / power(z.sub(y)));
}

/** Neighbours that are alike, and none below 0: as images are, and what is behind a ReLU. */
const smooth = (shape: number[]) => {
  const spatial = shape.map((n, i) => (i < 2 ? n : Math.ceil(n / 4)));
  let x = rand(spatial);
  for (let dim = 2; dim < shape.length; dim++) x = x.repeatInterleave(4, dim).slice(dim, 0, shape[dim]);
  return x.add(rand(shape).mul(0.2)).contiguous();
};

describe('gptq', () => {
  test('of 4 bits in groups: less noise than the nearest, and the integers that are made of it', async () => {
    const model = new Sequential(new Linear(64, 24), new ReLU(), new Linear(24, 5)).eval();
    const mix = rand([8, 64]);
    const inputs = Array.from({ length: 12 }, () => rand([4, 8]).matmul(mix));
    const config = int4WeightOnly({ groupSize: 32, symmetric: true });
    const first = { filter: (_: unknown, path: string) => path === '0' };
    const rounded = model.clone();
    // Of 24 columns there are no whole groups.
    expect(await gptq(rounded, inputs, { groupSize: 32 })).toEqual(['0']);
    const other = rand([16, 8]).matmul(mix);
    const want = noGrad(() => model.call(other)).dataSync();
    const noise = async (of: typeof model) => {
      const y = (await quantize_(of.clone(), config, first)).call(other).dataSync();
      return Array.from(y).reduce((sum, v, i) => sum + (v - want[i]) ** 2, 0);
    };
    expect(await noise(rounded)).toBeLessThan((await noise(model)) / 2);
    const weight = (of: Module) => of.parameters()[0].dataSync();
    const made = await quantize_(rounded.clone(), config, first);
    const back = (made.getSubmodule('0') as unknown as { toFloat(): Linear }).toFloat();
    expect(Array.from(weight(back))).toEqual(Array.from(weight(rounded), (v) => expect.closeTo(v, 6)));
    await expect(gptq(model, inputs, { groupSize: 0 })).rejects.toThrow('groupSize > 0');
  });

  test.each<[string, () => Layer, number[]]>([
    ['Conv2d', () => new Conv2d(6, 8, 3, { padding: 1 }), [2, 6, 14, 10]],
    [
      'of stride 2, dilated, same',
      () => new Conv2d(4, 5, [3, 2], { padding: 'same', dilation: [2, 1] }),
      [1, 4, 15, 11],
    ],
    ['of stride 2', () => new Conv2d(5, 7, 3, { stride: 2, padding: [0, 1] }), [2, 5, 17, 16]],
    ['depthwise', () => new Conv2d(8, 8, 5, { groups: 8, padding: 2, bias: false }), [2, 8, 12, 12]],
    ['of groups', () => new Conv2d(8, 12, 3, { groups: 2 }), [2, 8, 12, 12]],
    ['Conv1d', () => new Conv1d(6, 5, 4, { stride: 2 }), [3, 6, 40]],
  ])(
    '%s: less noise than the nearest integers make, on inputs that it saw nothing of',
    async (_, make, shape) => {
      const layer = make().eval();
      const model = new Sequential(layer as Conv2d).eval();
      const float = layer.clone();
      const inputs = [smooth(shape), smooth(shape), smooth(shape)];
      const other = smooth(shape);
      const before = await db(float, layer, other);
      expect(await gptq(model, inputs)).toEqual(['0']);
      expect(await db(float, layer, other)).toBeGreaterThan(before + 4);
    },
  );

  test('Linear of more columns than are rounded together', async () => {
    const layer = new Linear(1100, 3).eval();
    const mixed = randn([20, 1100]);
    const inputs = [0, 1].map(() => randn([600, 20]).matmul(mixed).add(5));
    const float = layer.clone();
    const other = randn([50, 20]).matmul(mixed).add(5);
    const before = await db(float, layer, other);
    await gptq(new Sequential(layer).eval(), inputs);
    expect(await db(float, layer, other)).toBeGreaterThan(before + 4);
  });

  test('a channel so small that its squares are nothing in float32', async () => {
    const layer = new Conv2d(3, 3, 3, { groups: 3, padding: 1 }).eval();
    const x = cat([smooth([1, 1, 8, 8]), smooth([1, 1, 8, 8]).mul(2e-22), smooth([1, 1, 8, 8])], 1);
    await gptq(new Sequential(layer).eval(), [x]);
    expect([...layer.weight.dataSync(), ...(layer.bias as Tensor).dataSync()].every(Number.isFinite)).toBe(
      true,
    );
  });

  test('weights are numbers that int8 has, at the scale that they had', async () => {
    const layer = new Conv2d(4, 6, 3).eval();
    const scales = async () => {
      const int8 = await new Conversion('test', '0', defaultGraphQConfig, layer).weight(layer.weight);
      return (int8.qparams as { scales: ArrayLike<number> }).scales;
    };
    const before = Array.from(await scales());
    await gptq(new Sequential(layer).eval(), [smooth([2, 4, 9, 9])]);
    expect(Array.from(await scales())).toEqual(before);
    const values = layer.weight.dataSync();
    const rounded = (await nearest(layer)).dataSync();
    // But for the ends of the scale of each of the six channels.
    expect(rounded.filter((v, i) => Math.abs(v - values[i]) > 1e-6).length).toBeLessThanOrEqual(12);
  });

  test('by the scales of other recipes, too', async () => {
    const layer = new Conv2d(4, 6, 3).eval();
    const qconfig = getDefaultQConfig('qnnpack');
    const scaleOf = async () => {
      const int8 = await new Conversion('test', '0', qconfig, layer).weight(layer.weight);
      return (int8.qparams as { scale: number }).scale;
    };
    const before = await scaleOf();
    await gptq(new Sequential(layer).eval(), [smooth([2, 4, 9, 9])], { qconfig });
    expect(await scaleOf()).toBe(before);
  });

  test('inputs that are always 0, layers that never run, and fused ones', async () => {
    class Some extends Module<[Tensor], Tensor> {
      readonly used = new Sequential(new Conv2d(2, 4, 3), new ReLU(), new Conv2d(4, 2, 1));
      readonly unused = new Linear(3, 3);

      forward(x: Tensor): Tensor {
        return this.used.call(x);
      }
    }
    const model = fuse(new Some().eval());
    const half = smooth([1, 1, 8, 8]);
    const unused = model.unused.weight.dataSync().slice();
    const seen: number[] = [];
    const onProgress = (done: number) => seen.push(done);
    const inputs = [cat([half, half.mul(0)], 1)];
    expect(await gptq(model, inputs, { onProgress })).toEqual(['used.0', 'used.2']);
    expect(seen).toEqual([1, 2, 3]);
    expect(model.unused.weight.dataSync()).toEqual(unused);
    for (const p of model.parameters()) expect(p.dataSync().every(Number.isFinite)).toBe(true);
  });

  test('refuses bad options, and models in training', async () => {
    const model = new Sequential(new Linear(2, 2)).eval();
    await expect(gptq(model, [randn([1, 2])], { samples: 0 })).rejects.toThrow('samples > 0');
    await expect(gptq(model, [randn([1, 2])], { dampPercent: -1 })).rejects.toThrow('dampPercent > 0');
    await expect(gptq(model, [randn([1, 2])], { damp: 1 } as never)).rejects.toThrow('damp');
    await expect(gptq(new Sequential(new Linear(2, 2)), [randn([1, 2])])).rejects.toThrow('training mode');
    const before = model.parameters().map((p) => p.dataSync().slice());
    const onProgress = () => {
      throw new Error('enough');
    };
    await expect(gptq(model, [randn([1, 2])], { onProgress })).rejects.toThrow('enough');
    expect(model.parameters().map((p) => p.dataSync())).toEqual(before);
  });

  test('in quantize it ends when a third of the time is over', async () => {
    const graph = await symbolicTrace<Tensor | Tensor[]>(
      new Sequential(...Array.from({ length: 6 }, () => new Linear(8, 8))).eval(),
      randn([1, 8]),
    );
    const recipe = {
      ...{ qconfig: defaultGraphQConfig, named: new Map(), inFloat: [], weightOnly: [], dynamic: [] },
      ...{ int4: new Map(), int4Rounded: false },
      ...{ variations: 0, smooth: undefined, equalized: false, rounded: true, corrected: false },
      rules: undefined,
    };
    const wait = () => new Promise((done) => setTimeout(done, 50));
    const refiner = (until: number) => new Refiner(graph, [randn([4, 8])], wait, until);
    await expect(refiner(Date.now() + 60).rounded(recipe)).rejects.toThrow('1 of 6 layers by then');
    const rounded = await refiner(Date.now() + 60_000).rounded(recipe);
    const weightOf = (model: AnyGraph) => model.parameters()[0].dataSync();
    expect(weightOf(rounded)).not.toEqual(weightOf(graph));
  });
});
