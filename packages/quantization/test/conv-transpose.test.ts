import { BatchNorm1d, BatchNorm2d, ConvTranspose1d, ConvTranspose2d, Sequential } from '@octet/nn';
import { manualSeed, noGrad, randn, type Tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  convert,
  fuse,
  fuseModulesQat,
  getDefaultQatQConfigMapping,
  getDefaultQConfigMapping,
  prepare,
  prepareQat,
  QuantWrapper,
  quantized,
  toFloat,
} from '../src';

beforeEach(() => void manualSeed(3));

const { PackedWeight } = quantized.functional;

const largestDifference = (a: Tensor, b: Tensor) => {
  const want = b.dataSync();
  expect(a.shape).toEqual(b.shape);
  return Math.max(...Array.from(a.dataSync(), (v, i) => Math.abs(v - want[i])));
};

const images = () => new ConvTranspose2d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1, groups: 2 });

describe('post-training quantization', () => {
  test.each([
    ['2d', () => new Sequential(images(), new BatchNorm2d(6)), [2, 4, 5, 6], quantized.ConvTranspose2d],
    [
      '1d',
      () => new Sequential(new ConvTranspose1d(4, 3, 4, { stride: 2 }), new BatchNorm1d(3)),
      [2, 4, 9],
      quantized.ConvTranspose1d,
    ],
  ] as const)('%s: fused with its batch norm, close to float', async (_, make, shape, Int8) => {
    const float = new QuantWrapper(make());
    const x = randn(shape);
    float.train();
    for (let i = 0; i < 5; i++) noGrad(() => float.call(x));
    float.eval();
    const fused = fuse(float);
    expect(largestDifference(fused.call(x), float.call(x))).toBeLessThan(1e-5);
    const prepared = prepare(fused, getDefaultQConfigMapping());
    noGrad(() => prepared.call(x));
    const int8 = await convert(prepared);
    const layer = (int8.module as Sequential).at(0);
    expect(layer).toBeInstanceOf(Int8);
    const { weight, scale } = layer as InstanceType<typeof Int8>;
    // One scale, as PyTorch's default for these layers, in a recipe with one for each channel.
    expect(weight.qparams?.scheme).toBe('perTensor');
    expect(
      largestDifference(
        noGrad(() => int8.call(x)),
        float.call(x),
      ),
    ).toBeLessThan(4 * scale);
    const back = toFloat(layer);
    const y = noGrad(() => back.call(x));
    expect(largestDifference(y as Tensor, fused.call(x))).toBeLessThan(4 * scale);
    expect(String(layer)).toContain('scale=');
  });
});

test('training leaves the weight in float, and watches the output, as PyTorch does', async () => {
  const model = new QuantWrapper(new Sequential(images())).train();
  const prepared = prepareQat(model, getDefaultQatQConfigMapping());
  const layer = (prepared.module as Sequential).at(0);
  expect(layer.constructor).toBe(ConvTranspose2d);
  const x = randn([2, 4, 3, 3]);
  prepared.call(x).sum().backward();
  expect(prepared.parameters().every(({ grad }) => grad)).toBe(true);
  const int8 = await convert(prepared.eval());
  expect((int8.module as Sequential).at(0)).toBeInstanceOf(quantized.ConvTranspose2d);
});

test('there is no fusing in training, as in PyTorch', () => {
  const model = new Sequential(new ConvTranspose2d(3, 4, 2), new BatchNorm2d(4)).train();
  expect(() => fuseModulesQat(model, ['0', '1'])).toThrow(/ConvTranspose2d-BatchNorm2d/);
});

test('the state dict goes into another', async () => {
  const make = async () => {
    const prepared = prepare(new QuantWrapper(new Sequential(images())).eval(), getDefaultQConfigMapping());
    noGrad(() => prepared.call(randn([2, 4, 5, 5])));
    return convert(prepared);
  };
  const [a, b] = [await make(), await make()];
  const x = randn([1, 4, 4, 3]);
  b.loadStateDict(a.stateDict());
  expect(noGrad(() => b.call(x)).dataSync()).toEqual(noGrad(() => a.call(x)).dataSync());
});

describe('a bias that does not fit int32', () => {
  test.each([1, 2])('makes the weight coarser, in %i groups', (groups) => {
    const weight = randn([4, 3, 2, 2]).mul(1e-9).quantizePerTensor(1e-11, 0, 'qint8');
    const bias = randn([3 * groups])
      .mul(0)
      .add(7);
    const packed = new PackedWeight('layer', weight, bias, undefined, groups);
    const x = randn([1, 4, 3, 3]).quantizePerTensor(0.01, 100, 'quint8');
    const y = quantized.functional.convTranspose2d(x, packed, {
      groups,
      stride: 2,
      scale: 0.1,
      zeroPoint: 0,
    });
    for (const q of y.dataSync()) expect(q).toBe(70);
  });
});

test('wrong weights are refused', () => {
  const float = randn([4, 3, 2, 2]);
  const perChannel = float.quantizePerChannel(new Array(3).fill(0.1), [0, 0, 0], 1, 'qint8');
  expect(() => new PackedWeight('layer', perChannel, undefined, undefined, 1)).toThrow(/one scale/);
  const packed = new PackedWeight('layer', float.quantizePerTensor(0.1, 0, 'qint8'), undefined);
  const x = randn([1, 4, 3, 3]).quantizePerTensor(0.01, 100, 'quint8');
  expect(() => quantized.functional.convTranspose2d(x, packed, { scale: 1, zeroPoint: 0 })).toThrow(
    /packed with transposed: 1/,
  );
});
