import { checkOptions } from '@octet/backend';
import { glu, type Tensor } from '@octet/tensor/functional';
import { repr, requireInteger } from '../arguments';
import { Module } from '../module';

/** a · sigmoid(b), a and b the halves of x along `dim`: Dauphin et al., 2016. @throws ArgumentError unless dim is a whole number */
export class GLU extends Module {
  static override readonly name: string = 'GLU';
  static readonly pure = true;

  constructor(
    readonly dim = -1,
    options?: Record<string, never>,
  ) {
    super();
    requireInteger('GLU', 'dim', dim, Number.NEGATIVE_INFINITY);
    checkOptions('GLU', options);
  }

  forward(x: Tensor): Tensor {
    return glu(x, this.dim);
  }

  override extraRepr(): string {
    return repr({ dim: this.dim });
  }
}
