import { ArgumentError, ModuleError, ShapeError } from '@octet/backend';
import { summary } from '@octet/nn';
import { int4WeightOnly, quantize_, quantizeDynamic } from '@octet/quantization';
import { manualSeed, noGrad, randint, type Tensor, tensor } from '@octet/tensor';
import { beforeEach, expect, test } from 'vitest';
import { BertModel, bertTiny } from '../src';

beforeEach(() => void manualSeed(0));

const small = () =>
  new BertModel({ vocabSize: 40, hiddenSize: 32, intermediateSize: 64, maxPositionEmbeddings: 16 }).eval();
const list = (t: Tensor) => Array.from(t.dataSync());

test('bertTiny is as large as the one on Hugging Face', () => {
  const model = bertTiny();
  expect(model.parameters().reduce((sum, p) => sum + p.numel, 0)).toBe(4_385_920);
  const keys = Object.keys(model.stateDict());
  expect(keys.slice(0, 5)).toEqual([
    ...['embeddings.word_embeddings.weight', 'embeddings.position_embeddings.weight'],
    ...[
      'embeddings.token_type_embeddings.weight',
      'embeddings.LayerNorm.weight',
      'embeddings.LayerNorm.bias',
    ],
  ]);
  for (const key of [
    ...['encoder.layer.1.attention.self.query.weight', 'encoder.layer.1.attention.output.dense.bias'],
    ...['encoder.layer.0.attention.output.LayerNorm.weight', 'encoder.layer.0.intermediate.dense.weight'],
    ...[
      'encoder.layer.0.output.dense.weight',
      'encoder.layer.0.output.LayerNorm.bias',
      'pooler.dense.weight',
    ],
  ]) {
    expect(keys).toContain(key);
  }
  expect(() => bertTiny({ pretrained: {} })).toThrow(ModuleError);
});

test('what is padding makes no difference', () => {
  const model = small();
  const run = (last: number) =>
    noGrad(() =>
      model.call(tensor([[5, 6, 7, last]], { dtype: 'int32' }), {
        attentionMask: tensor([[true, true, true, false]]),
      }),
    );
  const [[a, pooledA], [b, pooledB]] = [run(1), run(2)];
  expect(a.shape).toEqual([1, 4, 32]);
  expect(pooledA.shape).toEqual([1, 32]);
  expect(list(a.slice(1, 0, 3))).toEqual(list(b.slice(1, 0, 3)));
  expect(list(a)).not.toEqual(list(b));
  expect(list(pooledA)).toEqual(list(pooledB));
});

test('int8 and 4-bit weights stay near the float model', async () => {
  const model = small();
  const ids = randint(0, 40, [2, 9]);
  const want = noGrad(() => model.call(ids)[0]);
  const off = (y: Tensor) => Math.max(...list(y.sub(want).abs()));
  const int8 = await quantizeDynamic(model);
  expect(off(int8.call(ids)[0])).toBeLessThan(0.1);
  expect(summary(int8, ids)).not.toMatch(/\blinear\b/);
  const int4 = await quantize_(model.clone(), int4WeightOnly({ groupSize: 32 }));
  expect(off(int4.call(ids)[0])).toBeLessThan(0.5);
});

test('it trains', () => {
  const model = small().train();
  const loss = () =>
    model
      .call(randint(0, 40, [2, 5]))[1]
      .square()
      .mean();
  loss().backward();
  // The padding's row learns nothing.
  const { grad } = model.embeddings.wordEmbeddings.weight;
  expect(list((grad as Tensor).select(0, 0)).every((g) => g === 0)).toBe(true);
  expect(model.parameters().every((p) => p.grad)).toBe(true);
});

test('what does not fit is refused', () => {
  expect(() => new BertModel({ hiddenSize: 30, numAttentionHeads: 4 })).toThrow(ArgumentError);
  const model = small();
  expect(() => model.call(tensor([1, 2], { dtype: 'int32' }))).toThrow(ShapeError);
  const ids = tensor([[1, 2]], { dtype: 'int32' });
  expect(() => model.call(ids, { attentionMask: tensor([[true]]) })).toThrow(ShapeError);
  expect(() => model.call(ids, { mask: ids } as never)).toThrow(/attentionMask/);
});
