import { checkOptions } from '@octet/backend';
import { type Tensor, tanh } from '@octet/tensor';
import { Module } from '../module';

/** The hyperbolic tangent, any shape. */
export class Tanh extends Module {
  static override readonly name: string = 'Tanh';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('Tanh', options);
  }

  forward(x: Tensor): Tensor {
    return tanh(x);
  }
}
