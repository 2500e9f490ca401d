import { checkOptions } from '@octet/backend';
import { relu6, type Tensor } from '@octet/tensor';
import { Module } from '../module';

/** min(max(x, 0), 6), any shape. */
export class ReLU6 extends Module {
  static override readonly name: string = 'ReLU6';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('ReLU6', options);
  }

  forward(x: Tensor): Tensor {
    return relu6(x);
  }
}
