import type { Tensor } from '@octet/tensor/functional';
import { Module } from '../module';

/** Gives its input back: a placeholder. */
export class Identity extends Module {
  static override readonly name: string = 'Identity';
  static readonly pure = true;

  forward(x: Tensor): Tensor {
    return x;
  }
}
