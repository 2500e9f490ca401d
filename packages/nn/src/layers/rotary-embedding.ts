import { ArgumentError, checkOptions, ShapeError } from '@octet/backend';
import {
  embedding,
  formatShape,
  fromData,
  rotaryEmbedding,
  slice,
  type Tensor,
  tidy,
  unsqueeze,
} from '@octet/tensor/functional';
import { repr, requireInteger } from '../arguments';
import { Module } from '../module';
import { Buffer } from '../parameter';

export interface RotaryEmbeddingOptions {
  /** How many positions there are. Default: 4096. */
  maxSeqLen?: number;
  /** Default: 10000. */
  base?: number;
  /** Whether the pairs are neighbours, as torchtune's, or columns i and i + dim / 2, as in most other models. Default: true. */
  interleaved?: boolean;
}

/**
 * Turns each pair of columns by an angle that grows with the position: x [..., S, dim], heads before the rows as
 * `scaledDotProductAttention` has them → the same shape. Pair i of the row at position p is turned by p · base^(-2i / dim). Positions are
 * 0, 1, … unless given: int32 [S], or [N, S] for x [N, S, dim] and [N, H, S, dim]. Su et al., 2021.
 */
export class RotaryEmbedding extends Module<[x: Tensor, positions?: Tensor]> {
  static override readonly name: string = 'RotaryEmbedding';
  static readonly pure = true;

  readonly dim: number;
  readonly maxSeqLen: number;
  readonly base: number;
  readonly interleaved: boolean;
  /** [maxSeqLen, dim / 2], no part of the state dict; `sin` alike. */
  cos: Buffer;
  sin: Buffer;

  /** @throws ArgumentError for sizes below 1, or an odd dim */
  constructor(dim: number, options: RotaryEmbeddingOptions = {}) {
    super();
    const {
      maxSeqLen = 4096,
      base = 10_000,
      interleaved = true,
    } = checkOptions('RotaryEmbedding', options, 'maxSeqLen base interleaved');
    this.dim = requireInteger('RotaryEmbedding', 'dim', dim);
    if (dim % 2 !== 0) {
      throw new ArgumentError({
        op: 'RotaryEmbedding',
        expected: 'an even dim',
        found: String(dim),
        fix: 'It is the number of columns of a head, which are turned in pairs.',
      });
    }
    this.maxSeqLen = requireInteger('RotaryEmbedding', 'maxSeqLen', maxSeqLen);
    this.base = base;
    this.interleaved = interleaved;
    const pairs = dim / 2;
    const table = (f: (angle: number) => number) => {
      const values = new Float32Array(maxSeqLen * pairs);
      for (let at = 0; at < values.length; at++) {
        const position = Math.floor(at / pairs);
        values[at] = f(position * base ** ((-2 * (at % pairs)) / dim));
      }
      return new Buffer(fromData(values, [maxSeqLen, pairs]), { persistent: false });
    };
    this.cos = table(Math.cos);
    this.sin = table(Math.sin);
  }

  /** @throws ShapeError for other columns, and more rows than there are positions; ArgumentError for positions past the last */
  forward(x: Tensor, positions?: Tensor): Tensor {
    const rows = x.shape.at(-2) ?? 0;
    if (x.shape.length < 2 || x.shape.at(-1) !== this.dim || (!positions && rows > this.maxSeqLen)) {
      throw new ShapeError({
        op: 'RotaryEmbedding',
        expected: `x [..., S, ${this.dim}] with S up to ${this.maxSeqLen}`,
        found: formatShape(x.shape),
        fix: 'Heads come before the rows; more rows need a larger maxSeqLen.',
      });
    }
    const { interleaved } = this;
    return tidy(() => {
      const [cos, sin] = [this.cos, this.sin].map((table) => {
        if (!positions) return slice(table, 0, 0, rows);
        const found = embedding(positions, table);
        return positions.dim > 1 && x.dim === 4 ? unsqueeze(found, 1) : found;
      });
      return rotaryEmbedding(x, cos, sin, { interleaved });
    });
  }

  override extraRepr(): string {
    const { dim, maxSeqLen, base, interleaved } = this;
    return repr({ dim, maxSeqLen, base, interleaved });
  }
}
