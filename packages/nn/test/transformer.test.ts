import { ArgumentError, DTypeError, ModuleError, ShapeError } from '@octet/backend';
import { manualSeed, noGrad, ones, randn, type Tensor, tensor, zeros } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  type AnyModule,
  LayerNorm,
  MultiheadAttention,
  RotaryEmbedding,
  summary,
  Transformer,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
} from '../src';

beforeEach(() => void manualSeed(4));

const list = (t: Tensor) => Array.from(t.dataSync());
const close = (a: Tensor, b: Tensor, digits = 5) => {
  expect(a.shape).toEqual(b.shape);
  const want = list(b);
  list(a).forEach((v, i) => {
    expect(v).toBeCloseTo(want[i], digits);
  });
};

describe('MultiheadAttention', () => {
  test('with weights and without gives the same, in both layouts', () => {
    const attention = new MultiheadAttention(8, 2).eval();
    const first = new MultiheadAttention(8, 2, { batchFirst: true }).eval();
    first.loadStateDict(attention.stateDict());
    const x = randn([5, 3, 8]);
    const attnMask = Transformer.generateSquareSubsequentMask(5);
    const [y, weights] = attention.call(x, x, x, { attnMask });
    expect(weights?.shape).toEqual([3, 5, 5]);
    // A row's weights are 1 together, and those of later keys 0.
    expect(list((weights as Tensor).sum(-1)).every((sum) => Math.abs(sum - 1) < 1e-5)).toBe(true);
    expect(list(weights as Tensor).slice(1, 5)).toEqual([0, 0, 0, 0]);
    const [z, none] = attention.call(x, x, x, { attnMask, isCausal: true, needWeights: false });
    expect(none).toBeUndefined();
    close(z, y);
    const bools = attnMask.to('bool');
    close(attention.call(x, x, x, { attnMask: bools, needWeights: false })[0], y);
    close(first.call(x.transpose(0, 1), undefined, undefined, { attnMask })[0].transpose(0, 1), y);
  });

  test('key and value are the query unless given', () => {
    const attention = new MultiheadAttention(4, 1).eval();
    const x = randn([3, 2, 4]);
    close(attention.call(x)[0], attention.call(x, x.clone(), x.clone())[0]);
  });

  test('isCausal beside a padding mask hides both', () => {
    const attention = new MultiheadAttention(4, 2).eval();
    const x = randn([3, 2, 4]);
    const masks = {
      attnMask: Transformer.generateSquareSubsequentMask(3),
      keyPaddingMask: tensor([
        [false, true, false],
        [false, false, false],
      ]),
    };
    const [want] = attention.call(x, x, x, masks);
    close(attention.call(x, x, x, { ...masks, isCausal: true, needWeights: false })[0], want);
  });

  test('a row without keys gives the output layer zeros', () => {
    const attention = new MultiheadAttention(4, 2).eval();
    const x = randn([2, 1, 4]);
    const attnMask = ones([2, 2]).to('bool');
    const [y] = attention.call(x, x, x, { attnMask, needWeights: false });
    const bias = attention.outProj.bias as Tensor;
    close(y, bias.add(zeros([2, 1, 4])));
  });

  test('its keys are those of PyTorch', () => {
    const keys = (m: MultiheadAttention) => Object.keys(m.stateDict());
    const rest = ['in_proj_bias', 'out_proj.weight', 'out_proj.bias'];
    expect(keys(new MultiheadAttention(4, 2))).toEqual(['in_proj_weight', ...rest]);
    expect(keys(new MultiheadAttention(4, 2, { kdim: 3, addBiasKv: true }))).toEqual([
      ...['q_proj_weight', 'k_proj_weight', 'v_proj_weight', 'in_proj_bias', 'bias_k', 'bias_v'],
      ...['out_proj.weight', 'out_proj.bias'],
    ]);
    expect(keys(new MultiheadAttention(4, 2, { bias: false }))).toEqual([
      'in_proj_weight',
      'out_proj.weight',
    ]);
  });

  test('dropout only in training', () => {
    const attention = new MultiheadAttention(8, 2, { dropout: 0.5 });
    const x = randn([6, 2, 8]);
    const run = () => list(noGrad(() => attention.call(x, x, x, { needWeights: false })[0]));
    attention.eval();
    expect(run()).toEqual(run());
    attention.train();
    expect(run()).not.toEqual(run());
  });

  test('what does not fit is refused', () => {
    const attention = new MultiheadAttention(8, 2);
    const x = randn([5, 3, 8]);
    expect(() => new MultiheadAttention(8, 3)).toThrow(ArgumentError);
    expect(() => attention.call(x, randn([5, 2, 8]))).toThrow(ShapeError);
    expect(() => attention.call(x, x, randn([4, 3, 8]))).toThrow(ShapeError);
    expect(() => attention.call(x, x, x, { attnMask: ones([4, 5]) })).toThrow(/attnMask \[5, ?5\]/);
    expect(() => attention.call(x, x, x, { keyPaddingMask: ones([5, 3]) })).toThrow(
      /keyPaddingMask \[3, ?5\]/,
    );
    expect(() => attention.call(x, x, x, { attnMask: ones([5, 5]).to('int32') })).toThrow(DTypeError);
    expect(() => attention.call(x, x, x, { isCausal: true })).toThrow(/generateSquareSubsequentMask/);
  });

  test('summary counts its parameters', () => {
    const text = summary(new MultiheadAttention(8, 2), [5, 3, 8]);
    expect(text).toContain('MultiheadAttention');
    expect(text).toMatch(/Total\s+288\s+1,152/);
  });
});

describe('transformers', () => {
  test('copies of a layer have weights of their own, equal at first', () => {
    const layer = new TransformerEncoderLayer(8, 2, { dimFeedforward: 16 });
    const encoder = new TransformerEncoder(layer, 2, { norm: new LayerNorm(8) });
    expect(Object.keys(encoder.stateDict()).filter((key) => /linear1|^norm/.test(key))).toEqual([
      ...['layers.0.linear1.weight', 'layers.0.linear1.bias', 'layers.1.linear1.weight'],
      ...['layers.1.linear1.bias', 'norm.weight', 'norm.bias'],
    ]);
    const [first, second] = [encoder.layers.at(0), encoder.layers.at(1)];
    expect(list(first.linear1.weight)).toEqual(list(second.linear1.weight));
    expect(first.linear1.weight.storage).not.toBe(second.linear1.weight.storage);
  });

  test('an encoder is its layers and its norm', () => {
    const layer = new TransformerEncoderLayer(8, 2, { dimFeedforward: 16, batchFirst: true });
    const norm = new LayerNorm(8);
    const encoder = new TransformerEncoder(layer, 2, { norm }).eval();
    const x = randn([2, 5, 8]);
    const srcMask = Transformer.generateSquareSubsequentMask(5);
    layer.eval();
    const want = norm.call(layer.call(layer.call(x, { srcMask }), { srcMask }));
    close(encoder.call(x, { mask: srcMask, isCausal: true }), want);
  });

  test('a decoder is its layers and its norm', () => {
    const layer = new TransformerDecoderLayer(8, 2, { dimFeedforward: 16 });
    const decoder = new TransformerDecoder(layer, 2).eval();
    layer.eval();
    const [x, memory] = [randn([3, 2, 8]), randn([4, 2, 8])];
    close(decoder.call(x, memory), layer.call(layer.call(x, memory), memory));
  });

  test('an activation of your own', () => {
    const options = { dimFeedforward: 16, dropout: 0 };
    const named = new TransformerEncoderLayer(8, 2, { ...options, activation: 'gelu' });
    const own = new TransformerEncoderLayer(8, 2, { ...options, activation: (x) => x.gelu() });
    own.loadStateDict(named.stateDict());
    const x = randn([3, 2, 8]);
    expect(list(own.call(x))).toEqual(list(named.call(x)));
    expect(() => new TransformerEncoderLayer(8, 2, { activation: 'tanh' as never })).toThrow(ArgumentError);
  });

  test('options that there are not are refused, also those of a call', () => {
    expect(() => new Transformer({ dmodel: 8 } as never)).toThrow(/dModel/);
    const layer = new TransformerEncoderLayer(8, 2, { dimFeedforward: 8 });
    expect(() => layer.call(randn([3, 2, 8]), { mask: ones([3, 3]) } as never)).toThrow(ArgumentError);
    expect(() => new TransformerEncoder(layer, 0)).toThrow(ArgumentError);
  });

  const layers = () => {
    const options = { dimFeedforward: 8 };
    const encoder = new TransformerEncoderLayer(8, 2, options);
    const decoder = new TransformerDecoderLayer(8, 2, options);
    const [x, y] = [randn([3, 2, 8]), randn([3, 2, 8])];
    return [
      [
        new MultiheadAttention(8, 2),
        [x, x, x],
        'keyPaddingMask needWeights attnMask averageAttnWeights isCausal',
      ],
      [encoder, [x], 'srcMask srcKeyPaddingMask isCausal'],
      [new TransformerEncoder(encoder, 1), [x], 'mask srcKeyPaddingMask isCausal'],
      [
        decoder,
        [x, y],
        'tgtMask memoryMask tgtKeyPaddingMask memoryKeyPaddingMask tgtIsCausal memoryIsCausal',
      ],
      [
        ...[new TransformerDecoder(decoder, 1), [x, y]],
        'tgtMask memoryMask tgtKeyPaddingMask memoryKeyPaddingMask tgtIsCausal memoryIsCausal',
      ],
      [
        new Transformer({ dModel: 8, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1, ...options }),
        [x, y],
        'srcMask srcKeyPaddingMask srcIsCausal tgtMask memoryMask tgtKeyPaddingMask memoryKeyPaddingMask tgtIsCausal memoryIsCausal',
      ],
    ] as [AnyModule, Tensor[], string][];
  };

  test('a call lists its options where one is unknown, and refuses others in their place', () => {
    for (const [layer, inputs, names] of layers()) {
      expect(() => layer.call(...inputs, { zzz: 1 })).toThrow(`{ ${names.split(' ').join(', ')} }`);
      expect(() => layer.call(...inputs, true)).toThrow(ArgumentError);
    }
  });

  test('a mask that hides what comes later', () => {
    const none = Number.NEGATIVE_INFINITY;
    const mask = Transformer.generateSquareSubsequentMask(3);
    expect(mask.shape).toEqual([3, 3]);
    expect(list(mask)).toEqual([0, none, none, 0, 0, none, 0, 0, 0]);
    expect(() => Transformer.generateSquareSubsequentMask(1.5)).toThrow(ShapeError);
  });
});

describe('RotaryEmbedding', () => {
  test('turns pairs by the angle of the position', () => {
    const [base, dim] = [100, 4];
    for (const interleaved of [true, false]) {
      const rotary = new RotaryEmbedding(dim, { base, interleaved, maxSeqLen: 8 });
      const x = randn([2, 3, 5, dim]);
      const given = list(x);
      const want = given.map((own, at) => {
        const [column, position] = [at % dim, Math.floor(at / dim) % 5];
        const [i, second] = interleaved ? [column >> 1, column % 2] : [column % 2, column >> 1];
        const other = given[at + (second ? -1 : 1) * (interleaved ? 1 : 2)];
        const angle = position * base ** ((-2 * i) / dim);
        return own * Math.cos(angle) + (second ? 1 : -1) * other * Math.sin(angle);
      });
      close(rotary.call(x), tensor(want).reshape([2, 3, 5, dim]));
    }
  });

  test('positions of your own, for all or for each of the batch', () => {
    const rotary = new RotaryEmbedding(4, { maxSeqLen: 8 });
    const x = randn([2, 3, 5, 4]);
    const shifted = rotary.call(x, tensor([3, 4, 5, 6, 7], { dtype: 'int32' }));
    const each = tensor(
      [
        [3, 4, 5, 6, 7],
        [0, 1, 2, 3, 4],
      ],
      { dtype: 'int32' },
    );
    const y = rotary.call(x, each);
    close(y.select(0, 0), shifted.select(0, 0));
    close(y.select(0, 1), rotary.call(x).select(0, 1));
  });

  test('has no state; what does not fit is refused', () => {
    const rotary = new RotaryEmbedding(4, { maxSeqLen: 3 });
    expect(rotary.stateDict()).toEqual({});
    expect(() => rotary.loadStateDict({ cos: ones([3, 2]) })).toThrow(ModuleError);
    expect(() => rotary.call(randn([4, 4]))).toThrow(ShapeError);
    expect(() => rotary.call(randn([3, 6]))).toThrow(ShapeError);
    expect(() => new RotaryEmbedding(3)).toThrow(ArgumentError);
  });
});
