import {
  Module,
  MultiheadAttention,
  RotaryEmbedding,
  Transformer,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
} from '@octet/nn';
import { quantizeDynamic } from '@octet/quantization';
import { manualSeed, randn, type Tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import { compare, ort } from './engine';
import { trained } from './models';

beforeEach(() => void manualSeed(6));

class Masked extends Module {
  readonly encoder = new TransformerEncoder(
    new TransformerEncoderLayer(16, 4, { dimFeedforward: 24, batchFirst: true, activation: 'gelu' }),
    2,
  );

  forward(x: Tensor): Tensor {
    const mask = Transformer.generateSquareSubsequentMask(x.shape[1]);
    return this.encoder.call(x, { mask });
  }
}

class Turned extends Module {
  readonly rotary = new RotaryEmbedding(8, { maxSeqLen: 16 });
  readonly other = new RotaryEmbedding(8, { maxSeqLen: 16, interleaved: false });

  forward(x: Tensor): Tensor {
    return this.other.call(this.rotary.call(x));
  }
}

const models: Record<string, [make: () => Module<Tensor[], unknown>, ...inputs: number[][]]> = {
  'multi-head attention and its weights': [
    () => new MultiheadAttention(16, 4) as never,
    ...[
      [5, 2, 16],
      [3, 2, 16],
      [3, 2, 16],
    ],
  ],
  'an encoder with a causal mask': [() => new Masked() as never, [2, 5, 16]],
  'a decoder layer': [
    () => new TransformerDecoderLayer(16, 2, { dimFeedforward: 24, normFirst: true }) as never,
    ...[
      [5, 2, 16],
      [3, 2, 16],
    ],
  ],
  'rotary embedding': [() => new Turned() as never, [1, 2, 5, 8]],
};

describe.runIf(ort)('transformers in onnxruntime', () => {
  for (const [name, [make, ...shapes]] of Object.entries(models)) {
    test(name, async () => {
      const model = make();
      if (model.parameters().length > 0) trained(model as never);
      for (const { difference } of await compare(
        model.eval() as never,
        shapes.map((shape) => randn(shape)),
      )) {
        expect(difference).toBeLessThan(2e-5);
      }
    });
  }

  test('an encoder with int8 weights', async () => {
    const model = await quantizeDynamic(trained(new Masked()).eval());
    const [{ difference }] = await compare(model, [randn([2, 5, 16])]);
    // A number on the edge between two integers may fall to either side.
    expect(difference).toBeLessThan(0.02);
  });
});
