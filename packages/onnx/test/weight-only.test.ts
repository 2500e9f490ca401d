import { type AnyModule, Conv2d, Embedding, Linear, type Module, ReLU, Sequential } from '@octet/nn';
import {
  floatQparamsWeightOnlyQconfig,
  floatQparamsWeightOnlyQconfig4bit,
  int4WeightOnly,
  int8WeightOnly,
  quantize_,
  quantized,
} from '@octet/quantization';
import { manualSeed, quantizePerTensor, randint, randn, type Tensor, tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import { exportOnnx, importOnnx } from '../src';
import { compare, ort, parse } from './engine';

beforeEach(() => void manualSeed(9));

const model = () => new Sequential(new Linear(64, 20), new ReLU(), new Linear(20, 6, { bias: false })).eval();

const configs = {
  int8: int8WeightOnly(),
  'int8 in groups': int8WeightOnly({ groupSize: 24 }),
  int4: int4WeightOnly({ groupSize: 32 }),
  'int4, symmetric': int4WeightOnly({ groupSize: 16, symmetric: true }),
  'int4 in groups that are no blocks': int4WeightOnly({ groupSize: 12 }),
};

describe.runIf(ort)('weights of few bits in onnxruntime', () => {
  for (const [name, config] of Object.entries(configs)) {
    test(name, async () => {
      const small = await quantize_(model(), config);
      for (const shape of [
        [1, 64],
        [5, 64],
        [2, 3, 64],
      ]) {
        const [{ difference }] = await compare(small, [randn(shape)]);
        expect(difference).toBeLessThan(1e-4);
      }
    });
  }

  for (const [name, config] of [
    ['8 bits', floatQparamsWeightOnlyQconfig],
    ['4 bits, an odd number of columns', floatQparamsWeightOnlyQconfig4bit],
  ] as const) {
    test(`embeddings of ${name}`, async () => {
      const small = await quantize_(new Sequential(new Embedding(7, 5)), config);
      const [{ difference }] = await compare(small as Module, [randint(0, 7, [2, 3])]);
      expect(difference).toBeLessThan(1e-5);
    });
  }
});

describe('a table of few bits in groups', () => {
  const table = async (columns: number, bits: 4 | 8 = 4) => {
    const grouped = await quantized.functional.quantizeGroups('table', randn([50, columns]), {
      bits,
      groupSize: 32,
    });
    if (bits === 8) {
      const bytes = Uint8Array.from(grouped.weight.dataSync(), (v) => v + 128);
      Object.assign(grouped, { weight: tensor(bytes, { dtype: 'uint8' }).reshape([50, columns]) });
    }
    return new Sequential(new quantized.Embedding(grouped) as never).eval() as unknown as Module;
  };

  test.each([4, 8] as const)('of %i stays so in the file, and comes back', async (bits) => {
    const small = await table(64, bits);
    const index = tensor(
      [
        [3, 49],
        [0, 7],
      ],
      { dtype: 'int32' },
    );
    const bytes = await exportOnnx(small, index);
    const { graph } = parse(bytes);
    expect(graph.node.map(({ opType }) => opType)).toEqual(['GatherBlockQuantized']);
    expect(graph.initializer.map(({ rawData }) => rawData.length)).toContain((50 * 64 * bits) / 8);
    const back = await importOnnx<Tensor>(bytes);
    expect(back.call(index).dataSync()).toEqual((small.call(index) as Tensor).dataSync());
    // Indices may count from the end.
    const [behind, before] = [[[-1, 3]], [[49, 3]]].map((at) => tensor(at, { dtype: 'int32' }));
    expect(back.call(behind).dataSync()).toEqual((small.call(before) as Tensor).dataSync());
  });

  test.runIf(ort)('computes the same in onnxruntime, in blocks that it has and others', async () => {
    for (const [columns, bits] of [
      [64, 4],
      [40, 4],
      [64, 8],
    ] as const) {
      const [{ difference }] = await compare(await table(columns, bits), [randint(0, 50, [2, 3])]);
      expect(difference).toBeLessThan(1e-6);
    }
  });
});

test('a table of floats is a layer, whose indices may count from the end', async () => {
  const model = new Sequential(new Embedding(600, 8)).eval();
  const index = tensor([[1, 599]], { dtype: 'int32' });
  const back = await importOnnx<Tensor>(await exportOnnx(model, index));
  expect(back.modules().filter((m) => m instanceof Embedding)).toHaveLength(1);
  expect(back.call(tensor([[1, -1]], { dtype: 'int32' })).dataSync()).toEqual(model.call(index).dataSync());
});

test('4 bits stay 4 bits in the file, and come back', async () => {
  const small = await quantize_(model(), int4WeightOnly({ groupSize: 32 }));
  const x = randn([3, 64]);
  const bytes = await exportOnnx(small, x);
  const { graph, opsetImport } = parse(bytes);
  expect(graph.node.map(({ opType }) => opType)).toContain('MatMulNBits');
  expect(opsetImport.map(({ domain }) => domain)).toEqual(['', 'com.microsoft']);
  const weight = graph.initializer.find(({ name }) => name.startsWith('0.weight'));
  expect(weight?.rawData.length).toBe((20 * 64) / 2);
  const imported = await importOnnx(bytes);
  const y = imported.call(x);
  const want = small.call(x).dataSync();
  Array.from(y.dataSync()).forEach((v, i) => {
    expect(v).toBeCloseTo(want[i], 4);
  });
});

describe('layers with int8 weights and products of floats', () => {
  const int8 = (layer: AnyModule) =>
    quantized.WeightOnly.fromFloat(layer, async (weight) => {
      const most = Math.max(...Array.from(weight.dataSync(), (w) => Math.abs(w)));
      return quantizePerTensor(weight, most / 127, 0, 'qint8');
    });

  test('stay integers in the file', async () => {
    const small = await int8(new Conv2d(3, 8, 3));
    const x = randn([1, 3, 6, 6]);
    const { graph } = parse(await exportOnnx(small, x));
    expect(graph.node.map(({ opType }) => opType)).toEqual(['DequantizeLinear', 'Conv']);
    const back = await importOnnx<Tensor>(await exportOnnx(small, x));
    const [a, b] = [small, back].map((m) => Array.from((m.call(x) as Tensor).dataSync()));
    for (const [i, v] of a.entries()) expect(v).toBeCloseTo(b[i], 5);
  });

  test.runIf(ort)('compute the same in onnxruntime', async () => {
    for (const [layer, shape] of [
      [new Conv2d(4, 8, 3, { groups: 2 }), [1, 4, 6, 6]],
      [new Linear(6, 5), [3, 6]],
    ] as const) {
      const [{ difference }] = await compare((await int8(layer)) as never, [randn([...shape])]);
      expect(difference).toBeLessThan(1e-4);
    }
  });
});
