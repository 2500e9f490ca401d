import { ArgumentError, describe } from '@octet/backend';
import { Module } from '@octet/nn';
import { dropout, ones, type Tensor, tidy } from '@octet/tensor';

/**
 * In training each example of x [N, ...] is 0 with probability p, and divided by 1 - p otherwise; in evaluation x itself. On the branch of
 * a residual block it skips the block at random: Huang et al., 2016. torchvision's mode `row`.
 *
 * @throws ArgumentError unless p is 0 … 1
 */
export class StochasticDepth extends Module {
  static override readonly name: string = 'StochasticDepth';
  static readonly pure = true;

  readonly p: number;

  constructor(p: number) {
    super();
    if (!(p >= 0 && p <= 1)) {
      throw new ArgumentError({
        op: 'StochasticDepth',
        expected: 'p from 0 to 1',
        found: describe(p),
        fix: 'p is the share of examples that skip the block.',
      });
    }
    this.p = p;
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0) return x;
    return tidy(() => {
      const dtype = x.dtype === 'float64' ? 'float64' : 'float32';
      const each = ones([x.size(0), ...x.shape.slice(1).map(() => 1)], { dtype }).to(x.backend);
      return x.mul(dropout(each, this.p));
    });
  }

  override extraRepr(): string {
    return `p=${this.p}`;
  }
}
