import { addDispatchHook } from '@octet/backend';
import {
  functional,
  Module,
  MultiheadAttention,
  RotaryEmbedding,
  Transformer,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
} from '@octet/nn';
import { quantizeDynamic } from '@octet/quantization';
import { manualSeed, randn, type Tensor, tensor } from '@octet/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import { exportOnnx, importOnnx } from '../src';
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

describe('attention in pieces becomes one function again', () => {
  const kernels = (run: () => unknown): string[] => {
    const seen: string[] = [];
    const stop = addDispatchHook((event, go) => {
      seen.push(event.kernel);
      go();
    });
    run();
    stop();
    return seen;
  };
  class Attend extends Module<[Tensor, Tensor, Tensor]> {
    constructor(private readonly options: object) {
      super();
    }

    forward(q: Tensor, k: Tensor, v: Tensor): Tensor {
      return functional.scaledDotProductAttention(q, k, v, this.options);
    }
  }
  class Written extends Module<[Tensor, Tensor, Tensor]> {
    constructor(private readonly added: Tensor | undefined) {
      super();
    }

    forward(q: Tensor, k: Tensor, v: Tensor): Tensor {
      const scores = q.matmul(k.transpose(-1, -2)).div(3);
      return (this.added ? scores.add(this.added) : scores).softmax(-1).matmul(v);
    }
  }
  class Shown extends Module<[Tensor, Tensor, Tensor], [Tensor, Tensor]> {
    forward(q: Tensor, k: Tensor, v: Tensor): [Tensor, Tensor] {
      const weights = q.matmul(k.transpose(-1, -2)).softmax(-1);
      return [weights.matmul(v), weights];
    }
  }
  const bools = tensor([
    [true, false, true],
    [false, false, false],
  ]);
  const cases: Record<string, Module<[Tensor, Tensor, Tensor], Tensor>> = {
    plain: new Attend({}),
    causal: new Attend({ isCausal: true, scale: 0.3 }),
    'bools, a row throughout': new Attend({ attnMask: bools }),
    'divided, as others write it': new Written(undefined),
    'a mask added': new Written(randn([2, 1, 2, 3])),
  };
  const inputs = () => [randn([2, 4, 2, 8]), randn([2, 4, 3, 8]), randn([2, 4, 3, 5])] as const;

  for (const [name, model] of Object.entries(cases)) {
    test(name, async () => {
      const given = inputs();
      const imported = await importOnnx(await exportOnnx(model.eval(), [...given]));
      const want = model.call(...given);
      let y: Tensor | undefined;
      const ran = kernels(() => {
        y = imported.call(...given);
      });
      expect(ran).toContain('attention');
      expect(ran).not.toContain('softmax');
      const values = want.dataSync();
      Array.from((y as Tensor).dataSync()).forEach((v, i) => {
        expect(v).toBeCloseTo(values[i], 5);
      });
    });
  }

  test('not where the weights are wanted', async () => {
    const given = inputs();
    const imported = await importOnnx<[Tensor, Tensor]>(await exportOnnx(new Shown().eval(), [...given]));
    const ran = kernels(() => imported.call(...given));
    expect(ran).toContain('softmax');
    expect(ran).not.toContain('attention');
  });
});
