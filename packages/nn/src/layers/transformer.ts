import { checkOptions, requireOneOf, ShapeError } from '@octet/backend';
import {
  add,
  formatShape,
  fromData,
  gelu,
  kernel,
  relu,
  type Tensor,
  type TensorOptions,
  tidy,
} from '@octet/tensor/functional';
import { repr, requireInteger, requireRange } from '../arguments';
import { xavierUniform_ } from '../init';
import { type AnyModule, Module } from '../module';
import { ModuleList } from '../module-list';
import { Dropout } from './dropout';
import { LayerNorm } from './layer-norm';
import { Linear } from './linear';
import { type AttentionCallOptions, MultiheadAttention } from './multihead-attention';

export type TransformerActivation = 'relu' | 'gelu' | ((x: Tensor) => Tensor);

export interface TransformerLayerOptions {
  /** Columns between the two linear layers. Default: 2048. */
  dimFeedforward?: number;
  /** Default: 0.1. */
  dropout?: number;
  /** Between the two linear layers: a name, or a function. Default: 'relu'. */
  activation?: TransformerActivation;
  /** Default: 1e-5. */
  layerNormEps?: number;
  /** Whether inputs and outputs are [N, L, dModel] rather than [L, N, dModel]. Default: false. */
  batchFirst?: boolean;
  /** Whether what is normalized is the input of each part rather than the sum after it. Default: false. */
  normFirst?: boolean;
  /** Default: true. */
  bias?: boolean;
}

const layerOptions = 'dimFeedforward dropout activation layerNormEps batchFirst normFirst bias';

function complete(op: string, options: TransformerLayerOptions, names = layerOptions) {
  const {
    dimFeedforward = 2048,
    dropout = 0.1,
    activation = 'relu',
    layerNormEps = 1e-5,
    batchFirst = false,
    normFirst = false,
    bias = true,
  } = checkOptions(op, options, names);
  requireInteger(op, 'dimFeedforward', dimFeedforward);
  requireRange(op, 'dropout', dropout, 0, 1);
  if (typeof activation !== 'function') requireOneOf(op, 'activation', activation, ['relu', 'gelu']);
  return { dimFeedforward, dropout, activation, layerNormEps, batchFirst, normFirst, bias };
}

const functionOf = (activation: TransformerActivation): ((x: Tensor) => Tensor) =>
  activation === 'relu' ? relu : activation === 'gelu' ? (x) => gelu(x) : activation;

/** Masks as MultiheadAttention has them. */
export interface EncoderLayerCallOptions {
  /** [L, L] or [N·nhead, L, L]; in bool true where a row must not see a key. */
  srcMask?: Tensor | undefined;
  /** [N, L]; in bool true where a key is left out. */
  srcKeyPaddingMask?: Tensor | undefined;
  /** Says that `srcMask` hides what comes later. */
  isCausal?: boolean;
}

/**
 * Attention of the input to itself, and two linear layers: x [L, N, dModel] (or [N, L, dModel]) → the same shape,
 *
 *     x = norm1(x + dropout1(selfAttn(x)))
 *     x = norm2(x + dropout2(linear2(dropout(activation(linear1(x))))))
 *
 * With `normFirst` x + dropout1(selfAttn(norm1(x))), and so on. Vaswani et al., 2017.
 */
export class TransformerEncoderLayer extends Module<[src: Tensor, options?: EncoderLayerCallOptions]> {
  static override readonly name: string = 'TransformerEncoderLayer';
  static readonly pure = true;

  readonly normFirst: boolean;
  readonly activation: TransformerActivation;
  selfAttn: MultiheadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;

  /** @throws ArgumentError for sizes below 1, a dModel that nhead doesn't divide, or an unknown activation */
  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super();
    const given = complete('TransformerEncoderLayer', options);
    const { dropout, layerNormEps: eps, batchFirst, bias } = given;
    this.normFirst = given.normFirst;
    this.activation = given.activation;
    this.selfAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst });
    this.linear1 = new Linear(dModel, given.dimFeedforward, { bias });
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(given.dimFeedforward, dModel, { bias });
    this.norm1 = new LayerNorm(dModel, { eps, bias });
    this.norm2 = new LayerNorm(dModel, { eps, bias });
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
  }

  /** @throws ShapeError, DTypeError, ArgumentError as MultiheadAttention */
  forward(src: Tensor, options: EncoderLayerCallOptions = {}): Tensor {
    const {
      srcMask: attnMask,
      srcKeyPaddingMask: keyPaddingMask,
      isCausal = false,
    } = checkOptions('TransformerEncoderLayer', options, 'srcMask srcKeyPaddingMask isCausal');
    const masks = { attnMask, keyPaddingMask, isCausal };
    return tidy(() => {
      const x = step(src, this.norm1, this.normFirst, (y) =>
        this.dropout1.call(attended(this.selfAttn, y, y, masks)),
      );
      return step(x, this.norm2, this.normFirst, (y) => this.dropout2.call(feedForward(this, y)));
    });
  }

  override extraRepr(): string {
    return repr({ normFirst: this.normFirst, activation: nameOf(this.activation) });
  }
}

export interface DecoderLayerCallOptions {
  /** [L, L] or [N·nhead, L, L]; in bool true where a row must not see a key. */
  tgtMask?: Tensor | undefined;
  /** [L, S] or [N·nhead, L, S], of the memory's keys. */
  memoryMask?: Tensor | undefined;
  /** [N, L]; in bool true where a key is left out. */
  tgtKeyPaddingMask?: Tensor | undefined;
  /** [N, S], of the memory's keys. */
  memoryKeyPaddingMask?: Tensor | undefined;
  /** Says that `tgtMask` hides what comes later. */
  tgtIsCausal?: boolean;
  /** Says that `memoryMask` hides what comes later. */
  memoryIsCausal?: boolean;
}

const decoderCall =
  'tgtMask memoryMask tgtKeyPaddingMask memoryKeyPaddingMask tgtIsCausal memoryIsCausal' as const;

/**
 * Attention of the input to itself, then to the memory of an encoder, and two linear layers: tgt [L, N, dModel], memory
 * [S, N, dModel] (or batch first) → the shape of tgt,
 *
 *     x = norm1(x + dropout1(selfAttn(x)))
 *     x = norm2(x + dropout2(multiheadAttn(x, memory)))
 *     x = norm3(x + dropout3(linear2(dropout(activation(linear1(x))))))
 */
export class TransformerDecoderLayer extends Module<
  [tgt: Tensor, memory: Tensor, options?: DecoderLayerCallOptions]
> {
  static override readonly name: string = 'TransformerDecoderLayer';
  static readonly pure = true;

  readonly normFirst: boolean;
  readonly activation: TransformerActivation;
  selfAttn: MultiheadAttention;
  multiheadAttn: MultiheadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  norm3: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;
  dropout3: Dropout;

  /** @throws ArgumentError for sizes below 1, a dModel that nhead doesn't divide, or an unknown activation */
  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super();
    const given = complete('TransformerDecoderLayer', options);
    const { dropout, layerNormEps: eps, batchFirst, bias } = given;
    this.normFirst = given.normFirst;
    this.activation = given.activation;
    this.selfAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst });
    this.multiheadAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst });
    this.linear1 = new Linear(dModel, given.dimFeedforward, { bias });
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(given.dimFeedforward, dModel, { bias });
    this.norm1 = new LayerNorm(dModel, { eps, bias });
    this.norm2 = new LayerNorm(dModel, { eps, bias });
    this.norm3 = new LayerNorm(dModel, { eps, bias });
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
    this.dropout3 = new Dropout(dropout);
  }

  /** @throws ShapeError, DTypeError, ArgumentError as MultiheadAttention */
  forward(tgt: Tensor, memory: Tensor, options: DecoderLayerCallOptions = {}): Tensor {
    const given = checkOptions('TransformerDecoderLayer', options, decoderCall);
    const own = {
      attnMask: given.tgtMask,
      keyPaddingMask: given.tgtKeyPaddingMask,
      isCausal: given.tgtIsCausal ?? false,
    };
    const other = {
      attnMask: given.memoryMask,
      keyPaddingMask: given.memoryKeyPaddingMask,
      isCausal: given.memoryIsCausal ?? false,
    };
    return tidy(() => {
      const first = step(tgt, this.norm1, this.normFirst, (y) =>
        this.dropout1.call(attended(this.selfAttn, y, y, own)),
      );
      const second = step(first, this.norm2, this.normFirst, (y) =>
        this.dropout2.call(attended(this.multiheadAttn, y, memory, other)),
      );
      return step(second, this.norm3, this.normFirst, (y) => this.dropout3.call(feedForward(this, y)));
    });
  }

  override extraRepr(): string {
    return repr({ normFirst: this.normFirst, activation: nameOf(this.activation) });
  }
}

/** x and what `part` makes of it, one of the two normalized. */
function step(x: Tensor, norm: Module, normFirst: boolean, part: (x: Tensor) => Tensor): Tensor {
  return normFirst ? add(x, part(norm.call(x))) : norm.call(add(x, part(x)));
}

function attended(attention: MultiheadAttention, x: Tensor, to: Tensor, masks: AttentionCallOptions): Tensor {
  return attention.call(x, to, to, { ...masks, needWeights: false })[0];
}

interface FeedForward {
  readonly activation: TransformerActivation;
  readonly linear1: Module;
  readonly dropout: Module;
  readonly linear2: Module;
}

function feedForward({ activation, linear1, dropout, linear2 }: FeedForward, x: Tensor): Tensor {
  return linear2.call(dropout.call(functionOf(activation)(linear1.call(x))));
}

const nameOf = (activation: TransformerActivation) =>
  typeof activation === 'function' ? activation.name || 'a function' : activation;

export interface StackOptions {
  /** A layer for what comes out of the last one. */
  norm?: Module | undefined;
}

export interface EncoderCallOptions {
  /** `srcMask` of each layer. */
  mask?: Tensor | undefined;
  srcKeyPaddingMask?: Tensor | undefined;
  isCausal?: boolean;
}

/** Copies of an encoder layer one after another: x → the same shape. They all start with that layer's weights, as in PyTorch. */
export class TransformerEncoder extends Module<[src: Tensor, options?: EncoderCallOptions]> {
  static override readonly name: string = 'TransformerEncoder';
  static readonly pure = true;

  readonly layers: ModuleList<TransformerEncoderLayer>;
  norm: Module | undefined;

  /** @throws ArgumentError if numLayers is no whole number from 1 */
  constructor(encoderLayer: TransformerEncoderLayer, numLayers: number, options: StackOptions = {}) {
    super();
    const { norm } = checkOptions('TransformerEncoder', options, 'norm');
    this.layers = copies('TransformerEncoder', encoderLayer, numLayers);
    this.norm = norm;
  }

  /** @throws ShapeError, DTypeError, ArgumentError as MultiheadAttention */
  forward(src: Tensor, options: EncoderCallOptions = {}): Tensor {
    const { mask, srcKeyPaddingMask, isCausal } = checkOptions(
      'TransformerEncoder',
      options,
      'mask srcKeyPaddingMask isCausal',
    );
    const masks = { srcMask: mask, srcKeyPaddingMask, ...(isCausal === undefined ? {} : { isCausal }) };
    return tidy(() => {
      let x = src;
      for (const layer of this.layers) x = layer.call(x, masks);
      return this.norm ? this.norm.call(x) : x;
    });
  }
}

/** Copies of a decoder layer one after another: tgt and memory → the shape of tgt. They all start with that layer's weights. */
export class TransformerDecoder extends Module<
  [tgt: Tensor, memory: Tensor, options?: DecoderLayerCallOptions]
> {
  static override readonly name: string = 'TransformerDecoder';
  static readonly pure = true;

  readonly layers: ModuleList<TransformerDecoderLayer>;
  norm: Module | undefined;

  /** @throws ArgumentError if numLayers is no whole number from 1 */
  constructor(decoderLayer: TransformerDecoderLayer, numLayers: number, options: StackOptions = {}) {
    super();
    const { norm } = checkOptions('TransformerDecoder', options, 'norm');
    this.layers = copies('TransformerDecoder', decoderLayer, numLayers);
    this.norm = norm;
  }

  /** @throws ShapeError, DTypeError, ArgumentError as MultiheadAttention */
  forward(tgt: Tensor, memory: Tensor, options: DecoderLayerCallOptions = {}): Tensor {
    checkOptions('TransformerDecoder', options, decoderCall);
    return tidy(() => {
      let x = tgt;
      for (const layer of this.layers) x = layer.call(x, memory, options);
      return this.norm ? this.norm.call(x) : x;
    });
  }
}

function copies<M extends AnyModule>(op: string, layer: M, count: number): ModuleList<M> {
  requireInteger(op, 'numLayers', count);
  return new ModuleList<M>(Array.from({ length: count }, () => layer.clone()));
}

export interface TransformerOptions extends TransformerLayerOptions {
  /** Default: 512. */
  dModel?: number;
  /** Default: 8. */
  nhead?: number;
  /** Default: 6. */
  numEncoderLayers?: number;
  /** Default: 6. */
  numDecoderLayers?: number;
}

export interface TransformerCallOptions extends Omit<DecoderLayerCallOptions, 'tgtMask'> {
  srcMask?: Tensor | undefined;
  tgtMask?: Tensor | undefined;
  srcKeyPaddingMask?: Tensor | undefined;
  srcIsCausal?: boolean;
}

/**
 * An encoder and a decoder, each with a layer norm behind it: src [S, N, dModel], tgt [L, N, dModel] (or batch first) → the shape
 * of tgt. All weights start xavier-uniform. Vaswani et al., 2017.
 */
export class Transformer extends Module<[src: Tensor, tgt: Tensor, options?: TransformerCallOptions]> {
  static override readonly name: string = 'Transformer';
  static readonly pure = true;

  readonly encoder: TransformerEncoder;
  readonly decoder: TransformerDecoder;

  /** @throws ArgumentError for sizes below 1, a dModel that nhead doesn't divide, or an unknown activation */
  constructor(options: TransformerOptions = {}) {
    super();
    const op = 'Transformer';
    const {
      dModel = 512,
      nhead = 8,
      numEncoderLayers = 6,
      numDecoderLayers = 6,
      ...layer
    } = checkOptions(op, options, `dModel nhead numEncoderLayers numDecoderLayers ${layerOptions}` as const);
    const { layerNormEps: eps, bias } = complete(op, layer);
    const norm = () => new LayerNorm(dModel, { eps, bias });
    const encoderLayer = new TransformerEncoderLayer(dModel, nhead, layer);
    this.encoder = new TransformerEncoder(encoderLayer, numEncoderLayers, { norm: norm() });
    const decoderLayer = new TransformerDecoderLayer(dModel, nhead, layer);
    this.decoder = new TransformerDecoder(decoderLayer, numDecoderLayers, { norm: norm() });
    this.resetParameters();
  }

  resetParameters(): void {
    for (const parameter of this.parameters()) if (parameter.dim > 1) xavierUniform_(parameter);
  }

  /** @throws ShapeError, DTypeError, ArgumentError as MultiheadAttention */
  forward(src: Tensor, tgt: Tensor, options: TransformerCallOptions = {}): Tensor {
    const { srcMask, srcKeyPaddingMask, srcIsCausal, ...rest } = checkOptions(
      'Transformer',
      options,
      `srcMask srcKeyPaddingMask srcIsCausal ${decoderCall}` as const,
    );
    kernel.requireTensor('Transformer', src, tgt);
    return tidy(() => {
      const memory = this.encoder.call(src, {
        mask: srcMask,
        srcKeyPaddingMask,
        ...(srcIsCausal === undefined ? {} : { isCausal: srcIsCausal }),
      });
      return this.decoder.call(tgt, memory, rest);
    });
  }

  /**
   * A mask [size, size] that hides what comes later: 0 up to the diagonal, -infinity above it.
   * @throws ShapeError unless size is a whole number
   */
  static generateSquareSubsequentMask(size: number, options?: TensorOptions): Tensor {
    checkOptions('generateSquareSubsequentMask', options, 'dtype backend requiresGrad');
    if (!Number.isInteger(size) || size < 0) {
      throw new ShapeError({
        op: 'generateSquareSubsequentMask',
        expected: 'a number of rows',
        found: formatShape([size]),
        fix: 'Pass the length of the sequence.',
      });
    }
    const values = new Float32Array(size * size);
    for (let i = 0; i < size; i++) values.fill(Number.NEGATIVE_INFINITY, i * size + i + 1, (i + 1) * size);
    return fromData(values, [size, size], options);
  }
}
