import { checkOptions, type Pair, requirePair } from '@octet/backend';
import { adaptiveAvgPool2d, type Tensor } from '@octet/tensor/functional';
import { repr, type Size2 } from '../arguments';
import { Module } from '../module';

/** Means over windows that spread evenly: x [N, C, H, W] → [N, C, ...outputSize]. */
export class AdaptiveAvgPool2d extends Module {
  static override readonly name: string = 'AdaptiveAvgPool2d';
  static readonly pure = true;

  readonly outputSize: Pair;

  constructor(outputSize: Size2, options?: Record<string, never>) {
    super();
    checkOptions('AdaptiveAvgPool2d', options);
    this.outputSize = requirePair('AdaptiveAvgPool2d', 'outputSize', outputSize);
  }

  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.outputSize);
  }

  override extraRepr(): string {
    return repr({ outputSize: this.outputSize });
  }
}
