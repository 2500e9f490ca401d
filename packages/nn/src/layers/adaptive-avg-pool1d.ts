import { checkOptions, requireSingle } from '@octet/backend';
import { adaptiveAvgPool1d, type Tensor } from '@octet/tensor/functional';
import { repr, type Single, type Size1 } from '../arguments';
import { Module } from '../module';

/** Means over windows that spread evenly: x [N, C, L] → [N, C, outputSize]. */
export class AdaptiveAvgPool1d extends Module {
  static override readonly name: string = 'AdaptiveAvgPool1d';
  static readonly pure = true;

  readonly outputSize: Single;

  constructor(outputSize: Size1, options?: Record<string, never>) {
    super();
    checkOptions('AdaptiveAvgPool1d', options);
    this.outputSize = [requireSingle('AdaptiveAvgPool1d', 'outputSize', outputSize)];
  }

  forward(x: Tensor): Tensor {
    return adaptiveAvgPool1d(x, this.outputSize);
  }

  override extraRepr(): string {
    return repr({ outputSize: this.outputSize });
  }
}
