import { alphaDropout, featureAlphaDropout, type Tensor } from '@octet/tensor/functional';
import { DropoutNd } from './dropout-nd';

/** Dropout for networks of SELU: see `alphaDropout`. In evaluation x itself. */
export class AlphaDropout extends DropoutNd {
  static override readonly name: string = 'AlphaDropout';
  static readonly pure = true;

  forward(x: Tensor): Tensor {
    return alphaDropout(x, this.p, { training: this.training });
  }
}

/** The same of whole channels of x [N, C, …]. */
export class FeatureAlphaDropout extends DropoutNd {
  static override readonly name: string = 'FeatureAlphaDropout';
  static readonly pure = true;

  forward(x: Tensor): Tensor {
    return featureAlphaDropout(x, this.p, { training: this.training });
  }
}
