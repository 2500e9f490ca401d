import {
  type AnyModule,
  Conv2d,
  Flatten,
  LeakyReLU,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  ReLU6,
  Sequential,
} from '@octet/nn';
import {
  convert,
  defaultPerChannelWeightObserver,
  defaultWeightObserver,
  FloatFunctional,
  fuse,
  getDefaultQatQConfigMapping,
  getDefaultQConfig,
  getDefaultQConfigMapping,
  intrinsic,
  type ObserverFactory,
  prepare,
  prepareQat,
  QConfig,
  QConfigMapping,
  QuantWrapper,
} from '@octet/quantization';
import { manualSeed, noGrad, rand, randn, type Tensor } from '@octet/tensor';
import { describe, expect, test } from 'vitest';
import { adaround, analyze, correctBias, equalize, replaceRelu6, smoothQuant } from '../src';
import { images, MobileNet, mobileNet, spoil } from './models';

const perTensor = getDefaultQConfigMapping('qnnpack');

/** Four bits for the weights, which is where rounding hurts. */
function fourBits(weight: ObserverFactory): QConfigMapping {
  const { activation } = getDefaultQConfig('qnnpack');
  return new QConfigMapping().setGlobal(
    new QConfig({ activation, weight: weight.withArgs({ quantMin: -8, quantMax: 7 }) }),
  );
}

function calibrated<M extends AnyModule>(model: M, data: readonly Tensor[], mapping = perTensor): M {
  const prepared = prepare(model, mapping);
  for (const x of data) noGrad(() => prepared.call(x));
  return prepared;
}

async function outputDb(float: AnyModule, prepared: AnyModule, data: readonly Tensor[]): Promise<number> {
  const { output } = await analyze(float, await convert(prepared), data);
  return output.sqnrDb ?? Number.NaN;
}

const valuesOf = (model: AnyModule, x: Tensor) => noGrad(() => model.call(x)).dataSync();

function expectSame(model: AnyModule, x: Tensor, expected: ArrayLike<number>): void {
  const values = valuesOf(model, x);
  const largest = Math.max(...Array.from(expected, Math.abs));
  for (let i = 0; i < values.length; i++) {
    expect(Math.abs(values[i] - expected[i])).toBeLessThan(1e-4 * largest);
  }
}

describe('equalize', () => {
  test.each([1, 2, 3])('recovers channels that one scale doesn’t fit (seed %i)', async (seed) => {
    manualSeed(seed);
    const data = images(3);
    const float = spoil(mobileNet());
    const before = await outputDb(float, calibrated(float, data), data);
    const prepared = prepare(float, perTensor);
    const expected = valuesOf(float, data[0]);
    const pairs = await equalize(prepared, data[0]);
    expect(pairs).toEqual([
      // What is added to a shortcut, and all that reads the sum.
      ['layers.0.0', 'layers.1.conv.0.0'],
      ['layers.0.0', 'layers.2.conv.0.0'],
      ['layers.1.conv.2', 'layers.1.conv.0.0'],
      ['layers.1.conv.2', 'layers.2.conv.0.0'],
      ['layers.1.conv.0.0', 'layers.1.conv.1.0'],
      ['layers.1.conv.1.0', 'layers.1.conv.2'],
      ['layers.2.conv.0.0', 'layers.2.conv.1.0'],
      ['layers.2.conv.1.0', 'layers.2.conv.2'],
      ['layers.2.conv.2', 'layers.3.conv.0.0'],
      ['layers.3.conv.0.0', 'layers.3.conv.1.0'],
      ['layers.3.conv.1.0', 'layers.3.conv.2'],
      // Through pool and flatten.
      ['layers.3.conv.2', 'layers.6'],
    ]);
    expectSame(prepared, data[0], expected);
    for (const x of data) noGrad(() => prepared.call(x));
    const after = await outputDb(float, prepared, data);
    expect(before).toBeLessThan(15);
    expect(after - before).toBeGreaterThan(15);
  });

  /** All that lies between two layers that are linked, and a slice and a layer used twice that unlink. */
  class Zoo extends Module<[Tensor], Tensor[]> {
    readonly first = new Conv2d(2, 6, 3);
    readonly between = new Sequential(new LeakyReLU(0.1), new MaxPool2d(2));
    readonly grouped = new Conv2d(6, 4, 1, { groups: 2 });
    readonly flatten = new Flatten();
    readonly wide = new Linear(16, 5);
    readonly relu = new ReLU();
    readonly square = new Linear(5, 5);
    readonly twice = new Linear(5, 5);
    readonly skip = new FloatFunctional();
    readonly sliced = new Linear(5, 4);
    readonly part = new Linear(2, 3);
    readonly out = new Linear(3, 3);

    forward(x: Tensor): Tensor[] {
      const a = this.grouped.call(this.between.call(this.first.call(x)));
      const b = this.square.call(this.relu.call(this.wide.call(this.flatten.call(a))));
      const c = this.skip.add(b, this.twice.call(this.twice.call(b)));
      const d = this.part.call(this.sliced.call(c).slice(1, 1, 3));
      return [d, this.out.call(d)];
    }
  }

  test('finds what is linked, and nothing else', async () => {
    manualSeed(1);
    const zoo = new Zoo().eval();
    const x = randn([3, 2, 7, 7]);
    noGrad(() => zoo.first.weight.copy_(zoo.first.weight.mul(rand([6, 1, 1, 1]).affine(8, -4).exp())));
    noGrad(() => zoo.wide.weight.copy_(zoo.wide.weight.mul(rand([1, 16]).affine(4, -2).exp())));
    const expected = noGrad(() => zoo.call(x)).map((t) => t.dataSync());
    expect(await equalize(zoo, x)).toEqual([
      ['first', 'grouped'],
      ['grouped', 'wide'],
      ['wide', 'square'],
    ]);
    noGrad(() => zoo.call(x)).forEach((t, k) => {
      t.dataSync().forEach((v, i) => {
        expect(v).toBeCloseTo(expected[k][i], 4);
      });
    });
    // Output channel i of one layer reaches as far as input channel i of the next.
    const ranges = (weight: Tensor, dims: number[]) => weight.abs().amax(dims).dataSync();
    const outputs = ranges(zoo.grouped.weight, [1, 2, 3]);
    ranges(zoo.wide.weight.reshape([5, 4, 4]), [0, 2]).forEach((r, i) => {
      expect(r / outputs[i]).toBeCloseTo(1, 2);
    });
  });

  test('leaves channels of zeros, and weights that fit', async () => {
    manualSeed(1);
    const model = new Sequential(new Linear(3, 4), new ReLU(), new Linear(4, 2)).eval();
    const [first, , second] = model;
    const [w1, w2] = [(first as Linear).weight, (second as Linear).weight];
    w1.detach().slice(0, 1, 2).fill_(0);
    w2.detach().slice(1, 2, 3).fill_(0);
    await equalize(model, randn([1, 3]));
    const once = [...w1.dataSync(), ...w2.dataSync()];
    expect(once.every(Number.isFinite)).toBe(true);
    await equalize(model, randn([1, 3]));
    [...w1.dataSync(), ...w2.dataSync()].forEach((v, i) => {
      expect(v).toBeCloseTo(once[i], 4);
    });
  });

  test('ReLU6 is refused, and can be replaced', async () => {
    manualSeed(1);
    const [x] = images(1);
    const fused = mobileNet({ relu6: true });
    await expect(equalize(fused, x)).rejects.toThrow(
      /ReLU between 'layers\.0\.0' and 'layers\.1\.conv\.0\.0', found ReLU6 .*replaceRelu6/,
    );
    const float = new MobileNet({ relu6: true }).eval();
    let calls = 0;
    const relu6 = float.modules().find((m) => m instanceof ReLU6) as ReLU6;
    relu6.registerForwardHook(() => void calls++);
    expect(replaceRelu6(float)).toBe(7);
    float.call(x);
    expect(calls).toBe(1);
    expect(replaceRelu6(float)).toBe(0);
    expect(await equalize(fuse(float), x)).toHaveLength(12);
  });

  test('layers with a ReLU6 between them can be skipped', async () => {
    const [x] = images(1);
    const fused = mobileNet({ relu6: true });
    const before = fused.call(x).dataSync();
    // What linear bottlenecks give, to the next block and to each other.
    const pairs = await equalize(fused, x, { skipRelu6: true });
    expect(pairs.length).toBeGreaterThan(0);
    expect(pairs.every(([from]) => /conv\.2$/.test(from) || /conv\.1$/.test(from))).toBe(true);
    for (const [i, v] of fused.call(x).dataSync().entries()) expect(v).toBeCloseTo(before[i], 4);
    expect(await smoothQuant(fused, [x], { skipRelu6: true })).toEqual(pairs);
  });

  test('refuses models that aren’t ready, or are too far', async () => {
    manualSeed(1);
    const data = images(1);
    const [x] = data;
    await expect(equalize(new MobileNet().eval(), x)).rejects.toThrow(/BatchNorm2d/);
    await expect(equalize(new MobileNet(), x)).rejects.toThrow(/found training mode/);
    const qat = prepareQat(fuse(new MobileNet()), getDefaultQatQConfigMapping()).eval();
    await expect(equalize(qat, x)).rejects.toThrow(/one of prepareQat/);
    await expect(equalize(calibrated(mobileNet(), data), x)).rejects.toThrow(/before calibration.*quant\./);
  });
});

/** The mean error of each output, over all images: what a shift leaves. Its largest. */
async function meanError(float: AnyModule, prepared: AnyModule, data: readonly Tensor[]): Promise<number> {
  const int8 = await convert(prepared);
  const errors = data.map((x) => noGrad(() => int8.call(x).sub(float.call(x)).mean([0])));
  const sum = errors.reduce((a, b) => a.add(b)).div(data.length);
  return sum.abs().amax().itemSync();
}

describe('correctBias', () => {
  test.each([1, 2, 3])('takes the shift away (seed %i)', async (seed) => {
    manualSeed(seed);
    const data = images(4);
    const float = spoil(mobileNet());
    const prepared = calibrated(float, data);
    const before = {
      db: await outputDb(float, prepared, data),
      mean: await meanError(float, prepared, data),
    };
    await correctBias(prepared, data);
    expect(await outputDb(float, prepared, data)).toBeGreaterThan(before.db + 1);
    expect(await meanError(float, prepared, data)).toBeLessThan(0.5 * before.mean);
  });

  test.each([[[7, 5]], [[1, 2, 7, 5]]])(
    'gives a layer without bias the mean of what is missing of %j',
    async (shape) => {
      manualSeed(1);
      const float = new QuantWrapper(new Linear(5, 3, { bias: false })).eval();
      const data = [rand(shape), rand(shape)];
      const prepared = calibrated(float, data, fourBits(defaultWeightObserver));
      const inputs: number[] = [];
      await correctBias(prepared, data, { onProgress: (n) => inputs.push(n) });
      expect(inputs).toEqual([1, 2]);
      const { weight, bias } = prepared.module;
      const int8 = await convert(prepared);
      const rounded = (int8.module as unknown as { weight: Tensor }).weight.dequantize();
      const missing = data.map((x) => {
        const quantized = int8.quant.call(x).dequantize();
        return x.linear(weight).sub(quantized.linear(rounded)).reshape([-1, 3]).mean([0]);
      });
      const expected = missing[0].add(missing[1]).div(2).dataSync();
      bias?.dataSync().forEach((b, i) => {
        expect(b).toBeCloseTo(expected[i], 6);
      });
      expect(bias?.abs().amax().itemSync()).toBeGreaterThan(1e-3);
    },
  );

  test('refuses what can’t be corrected, and changes nothing', async () => {
    manualSeed(1);
    const data = images(1);
    const float = mobileNet();
    await expect(correctBias(float, data)).rejects.toThrow(/a model with observers/);
    await expect(correctBias(prepare(float, perTensor), data)).rejects.toThrow(/that saw none/);
    const prepared = calibrated(float, data);
    const before = prepared.stateDict();
    const copies = Object.values(before).map((t) => [...t.dataSync()]);
    await expect(correctBias(prepared, [])).rejects.toThrow(/expected some inputs, found none/);
    const broken = data[0].clone().fill_(Number.NaN);
    await expect(correctBias(prepared, [broken])).rejects.toThrow(/finite numbers/);
    expect(Object.values(prepared.stateDict()).map((t) => [...t.dataSync()])).toEqual(copies);
    const onlyStub = calibrated(new QuantWrapper(new ReLU()).eval(), data);
    await expect(correctBias(onlyStub, data)).rejects.toThrow(/that will be int8, found none/);
  });
});

describe('adaround', () => {
  /** Few things vary, in many numbers, as in pictures. */
  const correlated = (count: number, shape: readonly number[]) => {
    const basis = randn([3, shape.reduce((n, d) => n * d, 1)]);
    const picture = () =>
      randn([16, 3])
        .matmul(basis)
        .add(randn([16, basis.shape[1]]).mul(0.1));
    return Array.from({ length: count }, () => picture().reshape([16, ...shape]));
  };

  function smallNet() {
    return new QuantWrapper(
      new Sequential(
        new intrinsic.ConvReLU2d(new Conv2d(3, 7, 3), new ReLU()),
        new Conv2d(7, 11, 3, { bias: false }),
        new Flatten(),
        new intrinsic.LinearReLU(new Linear(44, 19), new ReLU()),
        new Linear(19, 9),
      ),
    ).eval();
  }

  test.each([
    ['one scale', defaultWeightObserver],
    ['a scale for each channel', defaultPerChannelWeightObserver],
  ])('beats the nearest integers, with %s', async (_, observer) => {
    manualSeed(2);
    const float = smallNet();
    const all = correlated(6, [3, 6, 6]);
    const [data, others] = [all.slice(0, 3), all.slice(3)];
    const prepared = calibrated(float, data, fourBits(observer));
    const nearest = await convert(prepared);
    const before = await outputDb(float, prepared, others);
    const progress: string[] = [];
    const layers = await adaround(prepared, data, {
      iterations: 100,
      lr: 0.2,
      onProgress: (done, total, { path }) => progress.push(`${done}/${total} ${path}`),
    });
    expect(progress).toEqual(['1/4 module.0', '2/4 module.1', '3/4 module.3', '4/4 module.4']);
    for (const { nearest, learned } of layers) expect(learned).toBeLessThan(0.9 * nearest);
    expect(await outputDb(float, prepared, others)).toBeGreaterThan(before + 3);

    const int8 = await convert(prepared);
    for (const { path } of layers) {
      const [ours, theirs] = [int8, nearest].map(
        (model) => (model.getSubmodule(path) as unknown as { weight: Tensor }).weight,
      );
      // The same grid, and at most one step away.
      expect(ours.qparams).toEqual(theirs.qparams);
      const integers = theirs.intRepr().dataSync();
      const steps = Array.from(ours.intRepr().dataSync(), (q, i) => Math.abs(q - integers[i]));
      expect(Math.max(...steps)).toBe(1);
      const layer = prepared.getSubmodule(path);
      const holder = (layer instanceof intrinsic.FusedModule ? layer.at(0) : layer) as Conv2d;
      expect([...holder.weight.dataSync()]).toEqual([...ours.dequantize().dataSync()]);
    }
  });

  test('keeps the nearest integers where it finds none better', async () => {
    manualSeed(1);
    const data = correlated(1, [3, 6, 6]);
    const prepared = calibrated(smallNet(), data);
    const nearest = await convert(prepared);
    const layers = await adaround(prepared, data, { iterations: 1, lr: 1e-6 });
    for (const { nearest, learned } of layers) expect(learned).toBe(nearest);
    const int8 = await convert(prepared);
    expect([...valuesOf(int8, data[0])]).toEqual([...valuesOf(nearest, data[0])]);
    // On the grid there is nothing left to learn, and the bias can still be corrected.
    for (const { nearest, learned } of await adaround(prepared, data)) expect(learned).toBe(nearest);
    await correctBias(prepared, data);
    expect([...(await convert(prepared)).stateDict()['module.1.weight'].dataSync()]).toEqual([
      ...nearest.stateDict()['module.1.weight'].dataSync(),
    ]);
  });

  test('refuses what can’t be rounded, and changes nothing', async () => {
    manualSeed(1);
    const data = correlated(1, [3, 6, 6]);
    await expect(adaround(smallNet(), data)).rejects.toThrow(/a model with observers/);
    const prepared = calibrated(smallNet(), data);
    const copies = () => Object.values(prepared.stateDict()).map((t) => [...t.dataSync()]);
    const before = copies();
    await expect(adaround(prepared, [])).rejects.toThrow(/expected some inputs, found none/);
    const broken = [data[0].clone().fill_(Number.NaN)];
    await expect(adaround(prepared, broken, { iterations: 1 })).rejects.toThrow(/finite numbers/);
    for (const [options, message] of [
      [{ iterations: 1.5 }, /whole number of iterations > 0, found 1.5/],
      [{ lr: 0 }, /lr > 0/],
      [{ regParam: -1 }, /regParam >= 0/],
      [{ betaRange: [20, 0.5] as const }, /betas >= 1/],
      [{ warmStart: 1 }, /warmStart < 1/],
    ] as const) {
      await expect(adaround(prepared, data, options)).rejects.toThrow(message);
    }
    expect(copies()).toEqual(before);
  });
});
