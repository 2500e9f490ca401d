import type { Tensor } from '@octet/tensor/functional';
import { repr, requireRange } from '../arguments';
import { Module } from '../module';

/** What layers that drop out with probability p have in common, as PyTorch's `_DropoutNd`. */
export abstract class DropoutNd extends Module<[Tensor], Tensor> {
  readonly p: number;

  /** @throws ArgumentError unless 0 <= p <= 1 */
  constructor(p = 0.5) {
    super();
    this.p = requireRange(new.target.name, 'p', p, 0, 1);
  }

  override extraRepr(): string {
    return repr({ p: this.p });
  }
}
