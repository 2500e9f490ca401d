import { checkOptions } from '@octet/backend';
import { gelu, type Tensor } from '@octet/tensor';
import { Module } from '../module';

/** x · Φ(x) with the error function, any shape: Hendrycks and Gimpel, 2016. */
export class GELU extends Module {
  static override readonly name: string = 'GELU';
  static readonly pure = true;

  constructor(options?: Record<string, never>) {
    super();
    checkOptions('GELU', options);
  }

  forward(x: Tensor): Tensor {
    return gelu(x);
  }
}
