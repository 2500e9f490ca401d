import { requireType } from '@octet/backend';
import { softmax, type Tensor } from '@octet/tensor/functional';
import { repr } from '../arguments';
import { Module } from '../module';

/** eˣ / Σ eˣ along `dim`. */
export class Softmax extends Module {
  static override readonly name: string = 'Softmax';
  static readonly pure = true;

  constructor(readonly dim: number) {
    super();
    requireType('Softmax', 'dim', dim, 'number');
  }

  forward(x: Tensor): Tensor {
    return softmax(x, this.dim);
  }

  override extraRepr(): string {
    return repr({ dim: this.dim });
  }
}
