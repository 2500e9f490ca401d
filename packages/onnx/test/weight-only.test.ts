import { Embedding, Linear, type Module, ReLU, Sequential } from '@octet/nn';
import {
  floatQparamsWeightOnlyQconfig,
  floatQparamsWeightOnlyQconfig4bit,
  int4WeightOnly,
  int8WeightOnly,
  quantize_,
} from '@octet/quantization';
import { manualSeed, randint, randn } from '@octet/tensor';
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
