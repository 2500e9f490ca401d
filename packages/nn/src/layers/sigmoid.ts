import { checkOptions } from '@octet/backend';
import { sigmoid, type Tensor } from '@octet/tensor';
import { Module } from '../module';

/** 1 / (1 + e⁻ˣ), any shape. */
export class Sigmoid extends Module {
  static override readonly name: string = 'Sigmoid';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('Sigmoid', options);
  }

  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}
