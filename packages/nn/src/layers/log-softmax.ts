import { requireType } from '@octet/backend';
import { logSoftmax, type Tensor } from '@octet/tensor/functional';
import { repr } from '../arguments';
import { Module } from '../module';

/** x - log Σ eˣ along `dim`. */
export class LogSoftmax extends Module {
  static override readonly name: string = 'LogSoftmax';
  static readonly pure = true;

  constructor(readonly dim: number) {
    super();
    requireType('LogSoftmax', 'dim', dim, 'number');
  }

  forward(x: Tensor): Tensor {
    return logSoftmax(x, this.dim);
  }

  override extraRepr(): string {
    return repr({ dim: this.dim });
  }
}
