import { ArgumentError, DTypeError, QuantizationError, ShapeError } from '@octet/backend';
import {
  Embedding,
  EmbeddingBag,
  Linear,
  ModuleList,
  MultiheadAttention,
  Parameter,
  ReLU,
  Sequential,
  summary,
} from '@octet/nn';
import { manualSeed, noGrad, randn, type Tensor, tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import {
  floatQparamsWeightOnlyQconfig,
  floatQparamsWeightOnlyQconfig4bit,
  int4WeightOnly,
  int8WeightOnly,
  quantize_,
  quantized,
  toFloat,
} from '../src';

beforeEach(() => void manualSeed(11));

const { quantizeGroups, dequantizeGroups } = quantized.functional;
const list = (t: Tensor) => Array.from(t.dataSync());
const close = (a: Tensor, b: Tensor, digits = 4) => {
  expect(a.shape).toEqual(b.shape);
  const want = list(b);
  list(a).forEach((v, i) => {
    expect(v).toBeCloseTo(want[i], digits);
  });
};

describe('integers in groups', () => {
  test('8 bits, symmetric: scale max|w| / 127.5', async () => {
    const w = tensor([
      [0.5, -1.275, 1, 0],
      [0, 0, 0, 0],
    ]);
    const g = await quantizeGroups('w', w);
    expect(g.weight.dtype).toBe('int8');
    // -127.5 is a tie between two, the even one of which is -128.
    expect(list(g.weight)).toEqual([50, -128, 100, 0, 0, 0, 0, 0]);
    expect(list(g.scale)[0]).toBeCloseTo(0.01, 7);
    expect(g.zeroPoint).toBeUndefined();
  });

  test('4 bits: from the least to the greatest of each group, two to a byte', async () => {
    const w = tensor([[-1, 14, 3, 0, 7.5, 7.5, 7.5, 7.5, 1]]);
    const g = await quantizeGroups('w', w, { bits: 4, groupSize: 4, symmetric: false });
    expect(g.weight.shape).toEqual([1, 5]);
    expect(list(g.scale)).toEqual([1, 1, 1]);
    expect(list(g.zeroPoint as Tensor)).toEqual([1, -7.5, -1]);
    expect(list(g.weight).slice(0, 2)).toEqual([0 | (15 << 4), 4 | (1 << 4)]);
    close(dequantizeGroups(g), w);
  });

  test('4 bits, symmetric: the zero point is 8, and what is farthest from 0 is exact', async () => {
    const w = tensor([[-8, 3, 1, 6]]);
    const g = await quantizeGroups('w', w, { bits: 4, groupSize: 2 });
    expect(g.zeroPoint).toBeUndefined();
    expect(list(g.scale).map((s) => Number(s.toFixed(5)))).toEqual([1, -0.75]);
    expect(list(dequantizeGroups(g))).toEqual([-8, 3, 0.75, 6]);
  });

  test('what is no number, and groups that are none, are refused', async () => {
    await expect(quantizeGroups('head', tensor([[1, Number.NaN]]))).rejects.toThrow(/head/);
    await expect(quantizeGroups('head', tensor([[1, Number.NaN]]))).rejects.toThrow(QuantizationError);
    await expect(quantizeGroups('w', randn([2, 8]), { bits: 4, groupSize: 3 })).rejects.toThrow(
      ArgumentError,
    );
    await expect(quantizeGroups('w', randn([2, 8]), { bits: 2 as never })).rejects.toThrow(ArgumentError);
  });
});

describe('quantize_', () => {
  const model = () => new Sequential(new Linear(48, 20), new ReLU(), new Linear(20, 6, { bias: false }));
  const configs = {
    int8: [int8WeightOnly(), 0.02],
    'int8 in groups': [int8WeightOnly({ groupSize: 16 }), 0.02],
    int4: [int4WeightOnly({ groupSize: 32 }), 0.2],
    'int4, symmetric': [int4WeightOnly({ groupSize: 16, symmetric: true }), 0.25],
  } as const;

  for (const [name, [config, bound]] of Object.entries(configs)) {
    test(`${name}: near the float model, and the float model of its numbers`, async () => {
      const float = model().eval();
      const small = await quantize_(float.clone(), config);
      expect(small.at(0)).toBeInstanceOf(quantized.WeightOnlyLinear);
      for (const rows of [1, 9]) {
        const x = randn([rows, 48]);
        const y = small.call(x);
        noGrad(() => {
          const error = Math.max(...list(y.sub(float.call(x)).abs()));
          expect(error).toBeLessThan(bound);
          expect(error).toBeGreaterThan(0);
        });
        close(
          y,
          noGrad(() => toFloat(small).call(x)),
        );
      }
    });
  }

  test('inputs of any shape', async () => {
    const small = await quantize_(model(), int4WeightOnly({ groupSize: 32 }));
    const x = randn([2, 3, 48]);
    close(small.call(x).reshape([6, 6]), small.call(x.reshape([6, 48])));
    expect(small.call(randn([48])).shape).toEqual([6]);
    expect(() => small.call(randn([2, 47]))).toThrow(ShapeError);
    expect(() => small.call(randn([2, 48]).to('float64'))).toThrow(DTypeError);
  });

  test('embeddings of 8 and 4 bits', async () => {
    const embedding = new Embedding(12, 10, { paddingIdx: 3 });
    const index = tensor([[0, 3, 11]], { dtype: 'int32' });
    for (const [config, bound] of [
      [floatQparamsWeightOnlyQconfig, 0.02],
      [floatQparamsWeightOnlyQconfig4bit, 0.3],
    ] as const) {
      const small = await quantize_(new Sequential(embedding), config);
      const layer = small.at(0) as quantized.Embedding;
      expect(layer).toBeInstanceOf(quantized.Embedding);
      const y = layer.call(index);
      expect(y.shape).toEqual([1, 3, 10]);
      noGrad(() => expect(Math.max(...list(y.sub(embedding.call(index)).abs()))).toBeLessThan(bound));
      expect(layer.toFloat().paddingIdx).toBe(3);
      close(
        y,
        noGrad(() => layer.toFloat().call(index)),
      );
      expect(() => layer.call(tensor([12], { dtype: 'int32' }))).toThrow(ArgumentError);
      expect(() => layer.call(tensor([1]))).toThrow(DTypeError);
    }
  });

  test('bags of embeddings of 8 and 4 bits', async () => {
    const bag = new EmbeddingBag(12, 10, { mode: 'sum' });
    const index = tensor([0, 3, 11, 3, 3], { dtype: 'int32' });
    const offsets = tensor([0, 2, 2], { dtype: 'int32' });
    for (const [config, bound] of [
      [floatQparamsWeightOnlyQconfig, 0.06],
      [floatQparamsWeightOnlyQconfig4bit, 0.9],
    ] as const) {
      const small = (await quantize_(new ModuleList([bag.clone()]), config)).at(0) as quantized.EmbeddingBag;
      expect(small).toBeInstanceOf(quantized.EmbeddingBag);
      const y = small.call(index, offsets);
      noGrad(() => {
        const error = Math.max(...list(y.sub(bag.call(index, offsets)).abs()));
        expect(error).toBeLessThan(bound);
        expect(error).toBeGreaterThan(0);
        close(y, small.toFloat().call(index, offsets));
      });
      const other = (await quantize_(new ModuleList([new EmbeddingBag(12, 10, { mode: 'sum' })]), config)).at(
        0,
      );
      other.loadStateDict(small.stateDict());
      expect(list(other.call(index, offsets))).toEqual(list(y));
    }
  });

  test('the state dict goes into another model', async () => {
    const [from, to] = [model(), model()];
    for (const m of [from, to]) await quantize_(m, int4WeightOnly({ groupSize: 32 }));
    expect(Object.keys(from.stateDict())).toEqual([
      ...['0.weight', '0.scale', '0.zero_point', '0.bias', '2.weight', '2.scale', '2.zero_point'],
    ]);
    to.loadStateDict(from.stateDict());
    const x = randn([2, 48]);
    expect(list(to.call(x))).toEqual(list(from.call(x)));
  });

  test('a filter; other classes stay; a layer itself is refused, and changes nothing', async () => {
    const small = await quantize_(model(), int8WeightOnly(), { filter: (_, path) => path === '2' });
    expect(small.at(0)).toBeInstanceOf(Linear);
    expect(small.at(2)).toBeInstanceOf(quantized.WeightOnlyLinear);
    const attention = await quantize_(new MultiheadAttention(8, 2), int8WeightOnly());
    expect(attention.outProj).toBeInstanceOf(quantized.WeightOnlyLinear);
    expect(attention.inProjWeight).toBeInstanceOf(Parameter);
    await expect(quantize_(new Linear(4, 4), int8WeightOnly())).rejects.toThrow(QuantizationError);
    await expect(quantize_(model(), 'int4' as never)).rejects.toThrow(ArgumentError);
    expect(() => int4WeightOnly({ groupSize: 33 })).toThrow(ArgumentError);
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    await quantize_(new Sequential(new ReLU()), int8WeightOnly());
    expect(warn).toHaveBeenCalledOnce();
    warn.mockRestore();
  });

  test('summary has its parameters and bytes', async () => {
    const small = await quantize_(model(), int4WeightOnly({ groupSize: 32 }));
    const text = summary(small, [1, 48]);
    expect(text).toContain('qlinearWeightOnly');
    // 20 rows of 48 numbers and 20 biases in 20 · (24 + 2 · 8) + 80 bytes.
    expect(text).toMatch(/WeightOnlyLinear\s+\[1, 20\]\s+float32\s+980\s+880/);
  });
});
