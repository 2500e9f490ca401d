import { checkOptions, requireNumbers } from '@octet/backend';
import { type LocalResponseNormOptions, localResponseNorm, type Tensor } from '@octet/tensor/functional';
import { repr, requireInteger } from '../arguments';
import { Module } from '../module';

/**
 * x / (k + alpha / size · Σ x²)^beta, the sum over `size` neighbouring channels of x [N, C, …]: Krizhevsky et al., 2012.
 * @throws ArgumentError unless size is a whole number and the others are numbers
 */
export class LocalResponseNorm extends Module {
  static override readonly name: string = 'LocalResponseNorm';
  static readonly pure = true;

  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;

  constructor(size: number, options: LocalResponseNormOptions = {}) {
    super();
    const { alpha = 1e-4, beta = 0.75, k = 1 } = checkOptions('LocalResponseNorm', options, 'alpha beta k');
    requireNumbers('LocalResponseNorm', { alpha, beta, k });
    this.size = requireInteger('LocalResponseNorm', 'size', size);
    this.alpha = alpha;
    this.beta = beta;
    this.k = k;
  }

  forward(x: Tensor): Tensor {
    const { size, alpha, beta, k } = this;
    return localResponseNorm(x, size, { alpha, beta, k });
  }

  override extraRepr(): string {
    const { size, alpha, beta, k } = this;
    return `${size}, ${repr({ alpha, beta, k })}`;
  }
}
