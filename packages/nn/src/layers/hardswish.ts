import { checkOptions } from '@octet/backend';
import { hardswish, type Tensor } from '@octet/tensor';
import { Module } from '../module';

/** x · clamp(x + 3, 0, 6) / 6, any shape: Howard et al., "Searching for MobileNetV3", 2019. */
export class Hardswish extends Module {
  static override readonly name: string = 'Hardswish';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('Hardswish', options);
  }

  forward(x: Tensor): Tensor {
    return hardswish(x);
  }
}
