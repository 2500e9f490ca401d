import { ArgumentError, checkOptions, ShapeError } from '@octet/backend';
import { Dropout, Embedding, functional, init, LayerNorm, Linear, Module, ModuleList } from '@octet/nn';
import { arange, formatShape, reshape, type Tensor, tidy } from '@octet/tensor';
import { type Pretrained, withWeights } from './pretrained';

export interface BertOptions {
  /** Default: 30522. */
  vocabSize?: number;
  /** Default: 128. */
  hiddenSize?: number;
  /** Default: 2. */
  numHiddenLayers?: number;
  /** Default: 2. */
  numAttentionHeads?: number;
  /** Default: 512. */
  intermediateSize?: number;
  /** The longest sequence. Default: 512. */
  maxPositionEmbeddings?: number;
  /** Default: 2. */
  typeVocabSize?: number;
  /** Default: 0.1. */
  hiddenDropoutProb?: number;
  /** Default: 0.1. */
  attentionProbsDropoutProb?: number;
  /** Default: 1e-12. */
  layerNormEps?: number;
}

const optionNames =
  'vocabSize hiddenSize numHiddenLayers numAttentionHeads intermediateSize maxPositionEmbeddings typeVocabSize hiddenDropoutProb attentionProbsDropoutProb layerNormEps' as const;

type Config = Required<BertOptions>;

export interface BertCallOptions {
  /** [N, L], bool: false where a token is padding. Default: none is. */
  attentionMask?: Tensor | undefined;
  /** [N, L] int32: which of two sentences a token belongs to. Default: all to the first. */
  tokenTypeIds?: Tensor | undefined;
}

/** The sum of what a token, its place and its sentence look up, normalized. */
class BertEmbeddings extends Module<[ids: Tensor, types: Tensor | undefined]> {
  static override readonly name: string = 'BertEmbeddings';
  static readonly pure = true;

  readonly wordEmbeddings: Embedding;
  readonly positionEmbeddings: Embedding;
  readonly tokenTypeEmbeddings: Embedding;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor({ hiddenSize, layerNormEps: eps, ...config }: Config) {
    super();
    this.wordEmbeddings = new Embedding(config.vocabSize, hiddenSize, { paddingIdx: 0 });
    this.positionEmbeddings = new Embedding(config.maxPositionEmbeddings, hiddenSize);
    this.tokenTypeEmbeddings = new Embedding(config.typeVocabSize, hiddenSize);
    this.LayerNorm = new LayerNorm(hiddenSize, { eps });
    this.dropout = new Dropout(config.hiddenDropoutProb);
  }

  forward(ids: Tensor, types: Tensor | undefined): Tensor {
    return tidy(() => {
      const { backend } = ids;
      const [, length] = ids.shape;
      const place = arange(0, length, 1, { dtype: 'int32', backend });
      const first = arange(0, 1, 1, { dtype: 'int32', backend });
      const sum = this.wordEmbeddings
        .call(ids)
        .add(this.tokenTypeEmbeddings.call(types ?? first))
        .add(this.positionEmbeddings.call(place));
      return this.dropout.call(this.LayerNorm.call(sum));
    });
  }
}

/** Attention of a sequence to itself, in heads. */
class BertSelfAttention extends Module<[x: Tensor, mask: Tensor | undefined]> {
  static override readonly name: string = 'BertSelfAttention';
  static readonly pure = true;

  readonly heads: number;
  readonly dropout: number;
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;

  constructor({ hiddenSize, numAttentionHeads, attentionProbsDropoutProb }: Config) {
    super();
    this.heads = numAttentionHeads;
    this.dropout = attentionProbsDropoutProb;
    this.query = new Linear(hiddenSize, hiddenSize);
    this.key = new Linear(hiddenSize, hiddenSize);
    this.value = new Linear(hiddenSize, hiddenSize);
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    return tidy(() => {
      const [N, L, width] = x.shape;
      const cut = (t: Tensor) => t.reshape([N, L, this.heads, width / this.heads]).transpose(1, 2);
      const [q, k, v] = [this.query, this.key, this.value].map((layer) => cut(layer.call(x)));
      const dropoutP = this.training ? this.dropout : 0;
      const y = functional.scaledDotProductAttention(q, k, v, { attnMask: mask, dropoutP });
      return y.transpose(1, 2).reshape([N, L, width]);
    });
  }
}

/** A linear layer whose output is added to what came before, and normalized. */
class BertOutput extends Module<[x: Tensor, before: Tensor]> {
  static override readonly name: string = 'BertOutput';
  static readonly pure = true;

  readonly dense: Linear;
  readonly LayerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor(inFeatures: number, { hiddenSize, layerNormEps: eps, hiddenDropoutProb }: Config) {
    super();
    this.dense = new Linear(inFeatures, hiddenSize);
    this.LayerNorm = new LayerNorm(hiddenSize, { eps });
    this.dropout = new Dropout(hiddenDropoutProb);
  }

  forward(x: Tensor, before: Tensor): Tensor {
    return tidy(() => this.LayerNorm.call(this.dropout.call(this.dense.call(x)).add(before)));
  }
}

class BertAttention extends Module<[x: Tensor, mask: Tensor | undefined]> {
  static override readonly name: string = 'BertAttention';
  static readonly pure = true;

  readonly self: BertSelfAttention;
  readonly output: BertOutput;

  constructor(config: Config) {
    super();
    this.self = new BertSelfAttention(config);
    this.output = new BertOutput(config.hiddenSize, config);
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    return tidy(() => this.output.call(this.self.call(x, mask), x));
  }
}

class BertIntermediate extends Module {
  static override readonly name: string = 'BertIntermediate';
  static readonly pure = true;

  readonly dense: Linear;

  constructor({ hiddenSize, intermediateSize }: Config) {
    super();
    this.dense = new Linear(hiddenSize, intermediateSize);
  }

  forward(x: Tensor): Tensor {
    return tidy(() => this.dense.call(x).gelu());
  }
}

class BertLayer extends Module<[x: Tensor, mask: Tensor | undefined]> {
  static override readonly name: string = 'BertLayer';
  static readonly pure = true;

  readonly attention: BertAttention;
  readonly intermediate: BertIntermediate;
  readonly output: BertOutput;

  constructor(config: Config) {
    super();
    this.attention = new BertAttention(config);
    this.intermediate = new BertIntermediate(config);
    this.output = new BertOutput(config.intermediateSize, config);
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    return tidy(() => {
      const attended = this.attention.call(x, mask);
      return this.output.call(this.intermediate.call(attended), attended);
    });
  }
}

class BertEncoder extends Module<[x: Tensor, mask: Tensor | undefined]> {
  static override readonly name: string = 'BertEncoder';
  static readonly pure = true;

  readonly layer: ModuleList<BertLayer>;

  constructor(config: Config) {
    super();
    const layers = Array.from({ length: config.numHiddenLayers }, () => new BertLayer(config));
    this.layer = new ModuleList(layers);
  }

  forward(x: Tensor, mask: Tensor | undefined): Tensor {
    return tidy((release) => {
      let y = x;
      for (const layer of this.layer) {
        const next = layer.call(y, mask);
        if (y !== x) release(y);
        y = next;
      }
      return y;
    });
  }
}

class BertPooler extends Module {
  static override readonly name: string = 'BertPooler';
  static readonly pure = true;

  readonly dense: Linear;

  constructor({ hiddenSize }: Config) {
    super();
    this.dense = new Linear(hiddenSize, hiddenSize);
  }

  forward(x: Tensor): Tensor {
    return tidy(() => this.dense.call(x.select(1, 0)).tanh());
  }
}

/**
 * BERT's encoder: ids [N, L] (int32) → [states [N, L, hiddenSize], pooled [N, hiddenSize]], the last of which is of the first token. Its keys are
 * those of Hugging Face's `BertModel`. `quantizeDynamic` gives all its products int8 weights. Devlin et al., 2018.
 */
export class BertModel extends Module<
  [ids: Tensor, options?: BertCallOptions],
  [states: Tensor, pooled: Tensor]
> {
  static override readonly name: string = 'BertModel';
  static readonly pure = true;

  readonly embeddings: BertEmbeddings;
  readonly encoder: BertEncoder;
  readonly pooler: BertPooler;

  /** @throws ArgumentError for sizes below 1, and a hiddenSize that numAttentionHeads doesn't divide */
  constructor(options: BertOptions = {}) {
    super();
    const config: Config = {
      vocabSize: 30_522,
      hiddenSize: 128,
      numHiddenLayers: 2,
      numAttentionHeads: 2,
      intermediateSize: 512,
      maxPositionEmbeddings: 512,
      typeVocabSize: 2,
      hiddenDropoutProb: 0.1,
      attentionProbsDropoutProb: 0.1,
      layerNormEps: 1e-12,
      ...checkOptions('BertModel', options, optionNames),
    };
    if (config.hiddenSize % config.numAttentionHeads !== 0) {
      throw new ArgumentError({
        op: 'BertModel',
        expected: 'a hiddenSize that numAttentionHeads divides',
        found: `${config.hiddenSize} and ${config.numAttentionHeads}`,
        fix: 'Each head has hiddenSize / numAttentionHeads columns.',
      });
    }
    this.embeddings = new BertEmbeddings(config);
    this.encoder = new BertEncoder(config);
    this.pooler = new BertPooler(config);
    this.apply((module) => {
      if (!(module instanceof Linear || module instanceof Embedding)) return;
      init.normal_(module.weight, 0, 0.02);
      if (module instanceof Linear && module.bias) init.zeros_(module.bias);
    });
  }

  /** @throws ShapeError unless ids are [N, L] and the masks are too */
  forward(ids: Tensor, options: BertCallOptions = {}): [states: Tensor, pooled: Tensor] {
    const { attentionMask, tokenTypeIds } = checkOptions('BertModel', options, 'attentionMask tokenTypeIds');
    const given = [ids, attentionMask, tokenTypeIds].filter((t) => t !== undefined);
    if (given.some((t) => t.shape.length !== 2 || formatShape(t.shape) !== formatShape(ids.shape))) {
      throw new ShapeError({
        op: 'BertModel',
        expected: 'ids, attentionMask and tokenTypeIds of one shape [N, L]',
        found: given.map((t) => formatShape(t.shape)).join(', '),
        fix: 'A single sequence needs unsqueeze(0).',
      });
    }
    const [N, L] = ids.shape;
    const [states, pooled] = tidy(() => {
      const mask = attentionMask && reshape(attentionMask.to('bool'), [N, 1, 1, L]);
      const y = this.encoder.call(this.embeddings.call(ids, tokenTypeIds), mask);
      return [y, this.pooler.call(y)];
    });
    return [states, pooled];
  }
}

/**
 * The smallest BERT, of two layers of 128 columns: google/bert_uncased_L-2_H-128_A-2; with `pretrained`, the weights in it.
 * @throws ModuleError if they don't fit
 */
export function bertTiny(options?: BertOptions & Pretrained): BertModel {
  const { pretrained, ...rest } = checkOptions('bertTiny', options, `${optionNames} pretrained`);
  return withWeights(new BertModel(rest), pretrained);
}
