import { checkOptions } from '@octet/backend';
import { hardsigmoid, type Tensor } from '@octet/tensor';
import { Module } from '../module';

/** clamp(x + 3, 0, 6) / 6, any shape. */
export class Hardsigmoid extends Module {
  static override readonly name: string = 'Hardsigmoid';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('Hardsigmoid', options);
  }

  forward(x: Tensor): Tensor {
    return hardsigmoid(x);
  }
}
