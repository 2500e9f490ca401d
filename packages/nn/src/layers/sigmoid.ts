import { sigmoid, type Tensor } from '@octet/tensor';
import { Module } from '../module';

/** 1 / (1 + e⁻ˣ), any shape. */
export class Sigmoid extends Module {
  static override readonly name: string = 'Sigmoid';
  static readonly keepsNothing = true;

  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}
