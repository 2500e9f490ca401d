import { checkOptions } from '@octet/backend';
import { relu, type Tensor } from '@octet/tensor';
import { Module } from '../module';

/** max(x, 0), any shape. */
export class ReLU extends Module {
  static override readonly name: string = 'ReLU';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('ReLU', options);
  }

  forward(x: Tensor): Tensor {
    return relu(x);
  }
}
