import { requireType } from '@octet/backend';
import { flatten, type Tensor } from '@octet/tensor/functional';
import { repr } from '../arguments';
import { Module } from '../module';

/** Makes one of the dims from startDim to endDim (inclusive): [N, C, H, W] → [N, C·H·W]. */
export class Flatten extends Module {
  static override readonly name: string = 'Flatten';
  static readonly pure = true;

  constructor(
    readonly startDim = 1,
    readonly endDim = -1,
  ) {
    super();
    requireType('Flatten', 'startDim', startDim, 'number');
    requireType('Flatten', 'endDim', endDim, 'number');
  }

  forward(x: Tensor): Tensor {
    return flatten(x, this.startDim, this.endDim);
  }

  override extraRepr(): string {
    return repr({ startDim: this.startDim, endDim: this.endDim });
  }
}
