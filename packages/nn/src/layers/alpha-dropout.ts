import { alphaDropout, featureAlphaDropout, type Tensor } from '@octet/tensor/functional';
import { repr, within } from '../arguments';
import { Module } from '../module';

/** Dropout for networks of SELU: see `alphaDropout`. In evaluation x itself. */
export class AlphaDropout extends Module {
  static override readonly name: string = 'AlphaDropout';
  static readonly pure = true;

  readonly p: number;

  /** @throws ArgumentError unless 0 <= p <= 1 */
  constructor(p = 0.5) {
    super();
    this.p = within('AlphaDropout', 'p', p, 0, 1);
  }

  forward(x: Tensor): Tensor {
    return alphaDropout(x, this.p, { training: this.training });
  }

  override extraRepr(): string {
    return repr({ p: this.p });
  }
}

/** The same of whole channels of x [N, C, …]. */
export class FeatureAlphaDropout extends Module {
  static override readonly name: string = 'FeatureAlphaDropout';
  static readonly pure = true;

  readonly p: number;

  /** @throws ArgumentError unless 0 <= p <= 1 */
  constructor(p = 0.5) {
    super();
    this.p = within('FeatureAlphaDropout', 'p', p, 0, 1);
  }

  forward(x: Tensor): Tensor {
    return featureAlphaDropout(x, this.p, { training: this.training });
  }

  override extraRepr(): string {
    return repr({ p: this.p });
  }
}
