import { ArgumentError, checkOptions, DTypeError, ShapeError } from '@octet/backend';
import {
  add,
  affine,
  cast,
  cat,
  dropout,
  expand,
  formatShape,
  kernel,
  linear,
  log,
  matmul,
  mean,
  mul,
  numel,
  permute,
  reshape,
  sameShape,
  scaledDotProductAttention,
  select,
  slice,
  softmax,
  type Tensor,
  tidy,
  transpose,
  unsqueeze,
  zeros,
} from '@octet/tensor/functional';
import { repr, requireInteger, requireRange, requireRank } from '../arguments';
import { xavierNormal_, xavierUniform_, zeros_ } from '../init';
import { Module } from '../module';
import { Parameter } from '../parameter';
import { Linear } from './linear';

export interface MultiheadAttentionOptions {
  /** The share of attention weights that become 0 in training. Default: 0. */
  dropout?: number;
  /** Default: true. */
  bias?: boolean;
  /** A learned key and value behind those given. Default: false. */
  addBiasKv?: boolean;
  /** A key and a value of zeros behind those given. Default: false. */
  addZeroAttn?: boolean;
  /** The width of the keys given. Default: embedDim. */
  kdim?: number | undefined;
  /** The width of the values given. Default: embedDim. */
  vdim?: number | undefined;
  /** Whether inputs and outputs are [N, L, …] rather than [L, N, …]. Default: false. */
  batchFirst?: boolean;
}

/** What a call may be given beside query, key and value. */
export interface AttentionCallOptions {
  /** [N, S]. Bool: true where a key is left out. Else numbers that are added to the scores. */
  keyPaddingMask?: Tensor | undefined;
  /** Whether the weights are wanted too, which costs a tensor of all scores. Default: true. */
  needWeights?: boolean;
  /** [L, S], or [N·numHeads, L, S] for each head. Bool: true where a row must not see a key. Else added to the scores. */
  attnMask?: Tensor | undefined;
  /** Whether the weights are the mean over the heads. Default: true. */
  averageAttnWeights?: boolean;
  /** Says that `attnMask` hides what comes later; PyTorch's, which needs the mask beside it. Default: false. */
  isCausal?: boolean;
}

type Projections = readonly [q: Tensor, k: Tensor, v: Tensor];

const NAME = 'MultiheadAttention';

/**
 * Attention in several heads side by side, each of embedDim / numHeads columns: query [L, N, embedDim], key [S, N, kdim], value [S, N,
 * vdim] (without N, or batch first) → [y [L, N, embedDim], weights [N, L, S]] with
 *
 *     q, k, v = query · Wqᵀ + bq, key · Wkᵀ + bk, value · Wvᵀ + bv
 *     head = softmax(q · kᵀ / √(embedDim / numHeads) + masks) · v
 *     y = outProj(all heads)
 *
 * Key and value are the query unless given. `inProjWeight` [3·embedDim, embedDim] holds Wq, Wk and Wv; where kdim or vdim differ they
 * are `qProjWeight`, `kProjWeight` and `vProjWeight`. `inProjBias` [3·embedDim]. The weights start xavier-uniform, the biases 0. A row whose
 * keys are all masked gives `outProj` zeros where no weights are wanted; with them it is NaN, as in PyTorch.
 */
export class MultiheadAttention extends Module<
  [query: Tensor, key?: Tensor, value?: Tensor, options?: AttentionCallOptions],
  [y: Tensor, weights: Tensor | undefined]
> {
  static override readonly name: string = 'MultiheadAttention';
  static readonly pure = true;

  readonly embedDim: number;
  readonly numHeads: number;
  readonly kdim: number;
  readonly vdim: number;
  readonly dropout: number;
  readonly batchFirst: boolean;
  readonly addZeroAttn: boolean;
  inProjWeight: Parameter | undefined;
  qProjWeight: Parameter | undefined;
  kProjWeight: Parameter | undefined;
  vProjWeight: Parameter | undefined;
  inProjBias: Parameter | undefined;
  outProj: Linear;
  biasK: Parameter | undefined;
  biasV: Parameter | undefined;

  /** @throws ArgumentError for sizes below 1, an embedDim that numHeads doesn't divide, or a dropout outside of 0 to 1 */
  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super();
    const {
      dropout = 0,
      bias = true,
      addBiasKv = false,
      addZeroAttn = false,
      kdim = embedDim,
      vdim = embedDim,
      batchFirst = false,
    } = checkOptions(NAME, options, 'dropout bias addBiasKv addZeroAttn kdim vdim batchFirst');
    this.embedDim = requireInteger(NAME, 'embedDim', embedDim);
    this.numHeads = requireInteger(NAME, 'numHeads', numHeads);
    if (embedDim % numHeads !== 0) {
      throw new ArgumentError({
        op: NAME,
        expected: 'an embedDim that numHeads divides',
        found: `${embedDim} and ${numHeads}`,
        fix: 'Each head has embedDim / numHeads columns.',
      });
    }
    this.kdim = requireInteger(NAME, 'kdim', kdim);
    this.vdim = requireInteger(NAME, 'vdim', vdim);
    this.dropout = requireRange(NAME, 'dropout', dropout, 0, 1);
    this.batchFirst = batchFirst;
    this.addZeroAttn = addZeroAttn;
    const own = kdim === embedDim && vdim === embedDim;
    const weight = (rows: number, columns: number) => new Parameter(zeros([rows, columns]));
    this.inProjWeight = own ? weight(3 * embedDim, embedDim) : undefined;
    this.qProjWeight = own ? undefined : weight(embedDim, embedDim);
    this.kProjWeight = own ? undefined : weight(embedDim, kdim);
    this.vProjWeight = own ? undefined : weight(embedDim, vdim);
    this.inProjBias = bias ? new Parameter(zeros([3 * embedDim])) : undefined;
    this.outProj = new Linear(embedDim, embedDim, { bias });
    this.biasK = addBiasKv ? new Parameter(zeros([1, 1, embedDim])) : undefined;
    this.biasV = addBiasKv ? new Parameter(zeros([1, 1, embedDim])) : undefined;
    this.resetOwnParameters();
  }

  resetParameters(): void {
    this.outProj.resetParameters();
    this.resetOwnParameters();
  }

  private resetOwnParameters(): void {
    for (const weight of [this.inProjWeight, this.qProjWeight, this.kProjWeight, this.vProjWeight]) {
      if (weight) xavierUniform_(weight);
    }
    if (this.inProjBias) zeros_(this.inProjBias);
    if (this.outProj.bias) zeros_(this.outProj.bias);
    for (const bias of [this.biasK, this.biasV]) if (bias) xavierNormal_(bias);
  }

  /**
   * The weights are undefined unless wanted.
   * @throws ShapeError unless query, key, value and masks fit
   * @throws DTypeError for a mask that is neither bool nor of the query's dtype
   * @throws ArgumentError for `isCausal` without an `attnMask`
   */
  forward(
    query: Tensor,
    key: Tensor = query,
    value: Tensor = key,
    options: AttentionCallOptions = {},
  ): [y: Tensor, weights: Tensor | undefined] {
    const {
      keyPaddingMask,
      needWeights = true,
      attnMask,
      averageAttnWeights = true,
      isCausal = false,
    } = checkOptions(NAME, options, 'keyPaddingMask needWeights attnMask averageAttnWeights isCausal');
    if (isCausal && !attnMask) {
      throw new ArgumentError({
        op: NAME,
        expected: 'an attnMask beside isCausal',
        found: 'none',
        fix: 'Pass { attnMask: Transformer.generateSquareSubsequentMask(L), isCausal: true }.',
      });
    }
    requireRank(NAME, query, this.batchFirst ? '[N, L, embedDim]' : '[L, N, embedDim]', 2, 3);
    this.requireShapes(query, key, value);
    const [y, weights] = tidy(() => {
      const heads = this.heads(query, key, value);
      const mask = this.maskOf(heads, attnMask, keyPaddingMask);
      const [out, all] = needWeights
        ? this.withWeights(heads, mask)
        : [this.attend(heads, mask, isCausal && !keyPaddingMask && !this.biasK && !this.addZeroAttn)];
      const result = [this.joined(out, query), ...(all ? [all] : [])];
      if (all) {
        const shown = this.shownWeights(all, averageAttnWeights);
        result[1] = query.shape.length === 2 ? select(shown, 0, 0) : shown;
      }
      return result;
    });
    return [y, weights];
  }

  private requireShapes(query: Tensor, key: Tensor, value: Tensor): void {
    kernel.requireTensor(NAME, key, value);
    const { embedDim, kdim, vdim } = this;
    const given = [query, key, value];
    const widths = [embedDim, kdim, vdim];
    const batch = (t: Tensor) => (t.shape.length === 3 ? t.shape[this.batchFirst ? 0 : 1] : 1);
    const rows = (t: Tensor) => t.shape[this.batchFirst ? t.shape.length - 2 : 0];
    const fits =
      given.every((t, i) => t.shape.length === query.shape.length && t.shape.at(-1) === widths[i]) &&
      given.every((t) => batch(t) === batch(query)) &&
      rows(key) === rows(value);
    if (fits) return;
    const form = this.batchFirst ? ['N, L', 'N, S'] : ['L, N', 'S, N'];
    throw new ShapeError({
      op: NAME,
      expected: `query [${form[0]}, ${embedDim}], key [${form[1]}, ${kdim}], value [${form[1]}, ${vdim}]`,
      found: given.map((t) => formatShape(t.shape)).join(', '),
      fix: `batchFirst is ${this.batchFirst}; without a batch all have two dims.`,
    });
  }

  /** q, k and v before they are cut into heads, [..., embedDim] as the inputs lie. */
  protected projections(query: Tensor, key: Tensor, value: Tensor): Projections {
    const { embedDim: E, inProjWeight, inProjBias } = this;
    if (inProjWeight && query === key && key === value) {
      const all = linear(query, inProjWeight, inProjBias);
      const [q, k, v] = [0, 1, 2].map((i) => slice(all, -1, i * E, (i + 1) * E));
      return [q, k, v];
    }
    const parts = [this.qProjWeight, this.kProjWeight, this.vProjWeight];
    const [q, k, v] = [query, key, value].map((x, i) => {
      const weight = parts[i] ?? slice(inProjWeight as Tensor, 0, i * E, (i + 1) * E);
      return linear(x, weight, inProjBias && slice(inProjBias, 0, i * E, (i + 1) * E));
    });
    return [q, k, v];
  }

  /** The learned row that goes behind the keys or the values, in float. */
  protected rowBehind(of: 'K' | 'V'): Tensor | undefined {
    return this[`bias${of}`];
  }

  /** What the scores are multiplied by. */
  protected get scoreScale(): number {
    return 1 / Math.sqrt(this.embedDim / this.numHeads);
  }

  /** The weights of all heads [N, H, L, S], or their mean, as they are given to the caller. */
  protected shownWeights(weights: Tensor, average: boolean): Tensor {
    return average ? mean(weights, 1) : weights;
  }

  /** The output, from the heads' columns side by side. */
  protected output(rows: Tensor): Tensor {
    return this.outProj.call(rows);
  }

  /** q [N, H, L, E / H], k and v [N, H, S, E / H]; S counts what is added behind. */
  private heads(query: Tensor, key: Tensor, value: Tensor): Projections {
    const { embedDim, numHeads: H, batchFirst } = this;
    const width = embedDim / H;
    const [q, k, v] = this.projections(query, key, value);
    const cut = (x: Tensor, bias: Tensor | undefined, added: boolean): Tensor => {
      // Always [N, rows, E] from here.
      const batched = x.shape.length === 2 ? unsqueeze(x, 0) : batchFirst ? x : transpose(x, 0, 1);
      const N = batched.shape[0];
      const all = bias ? cat([batched, expand(bias, [N, 1, embedDim])], 1) : batched;
      const parts = permute(reshape(all, [N, all.shape[1], H, width]), [0, 2, 1, 3]);
      if (!added) return parts;
      const { backend } = x;
      return cat([parts, zeros([N, H, 1, width], { dtype: x.dtype as 'float32', backend })], 2);
    };
    return [
      cut(q, undefined, false),
      cut(k, this.rowBehind('K'), this.addZeroAttn),
      cut(v, this.rowBehind('V'), this.addZeroAttn),
    ];
  }

  /** Both masks as one that is added to the scores: broadcasts to [N, H, L, S]. */
  private maskOf(
    [q, k]: Projections,
    attnMask: Tensor | undefined,
    keyPaddingMask: Tensor | undefined,
  ): Tensor | undefined {
    const [N, H, L] = q.shape;
    const extra = (this.biasK ? 1 : 0) + (this.addZeroAttn ? 1 : 0);
    const S = k.shape[2] - extra;
    const masks: Tensor[] = [];
    if (attnMask) {
      const each = attnMask.shape.length === 3;
      requireMask('attnMask', attnMask, q, each ? [N * H, L, S] : [L, S]);
      masks.push(reshape(added(attnMask, q), each ? [N, H, L, S] : [1, 1, L, S]));
    }
    if (keyPaddingMask) {
      const single = keyPaddingMask.shape.length === 1 && N === 1;
      requireMask('keyPaddingMask', keyPaddingMask, q, single ? [S] : [N, S]);
      masks.push(reshape(added(keyPaddingMask, q), [N, 1, 1, S]));
    }
    if (masks.length === 0) return undefined;
    const [first, second] = masks;
    const both = second ? add(first, second) : first;
    if (extra === 0) return both;
    const { backend } = q;
    const free = zeros([...both.shape.slice(0, -1), extra], { dtype: q.dtype as 'float32', backend });
    return cat([both, free], -1);
  }

  private get droppedShare(): number {
    return this.training ? this.dropout : 0;
  }

  private attend([q, k, v]: Projections, attnMask: Tensor | undefined, isCausal: boolean): Tensor {
    const options = {
      dropoutP: this.droppedShare,
      scale: this.scoreScale,
      ...(isCausal ? { isCausal } : { attnMask }),
    };
    return scaledDotProductAttention(q, k, v, options);
  }

  private withWeights([q, k, v]: Projections, mask: Tensor | undefined): [y: Tensor, weights: Tensor] {
    const scores = matmul(mul(q, this.scoreScale), transpose(k, -1, -2));
    const weights = softmax(mask ? add(scores, mask) : scores, -1);
    const dropped = dropout(weights, this.dropout, { training: this.training });
    return [matmul(dropped, v), dropped];
  }

  /** [N, H, L, E / H] → the output, as the query lies. */
  private joined(y: Tensor, query: Tensor): Tensor {
    const [N, , L] = y.shape;
    const { embedDim, batchFirst } = this;
    const order = batchFirst || query.shape.length === 2 ? [0, 2, 1, 3] : [2, 0, 1, 3];
    const shape = batchFirst ? [N, L, embedDim] : [L, N, embedDim];
    const rows = reshape(permute(y, order), query.shape.length === 2 ? [L, embedDim] : shape);
    return this.output(rows);
  }

  /** Multiplications for one call, those of the scores and of the values left out: they go by the keys. */
  macs(input: readonly number[], output: readonly number[] = input): number {
    return numel(output) * (2 * this.embedDim + this.kdim + this.vdim);
  }

  override extraRepr(): string {
    const { embedDim, numHeads, dropout, batchFirst } = this;
    return repr({ embedDim, numHeads, dropout, batchFirst });
  }
}

/** A mask as numbers to add: true, which hides a key, is -infinity. */
function added(mask: Tensor, q: Tensor): Tensor {
  if (mask.dtype !== 'bool') return mask;
  return log(affine(cast(mask, q.dtype as 'float32'), -1, 1));
}

function requireMask(name: string, mask: Tensor, q: Tensor, shape: readonly number[]): void {
  kernel.requireTensor(NAME, mask);
  if (mask.dtype !== 'bool' && mask.dtype !== q.dtype) {
    throw new DTypeError({
      op: NAME,
      expected: `${name} of dtype bool or ${q.dtype}`,
      found: mask.dtype,
      fix: "Convert it: to('bool') is true where a key is hidden, numbers are added to the scores.",
    });
  }
  if (sameShape(mask.shape, shape)) return;
  throw new ShapeError({
    op: NAME,
    expected: `${name} ${formatShape(shape)}`,
    found: formatShape(mask.shape),
    fix: 'attnMask is [L, S] or [N · numHeads, L, S], keyPaddingMask [N, S].',
  });
}
