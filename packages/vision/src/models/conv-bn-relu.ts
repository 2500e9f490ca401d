import { checkOptions } from '@octet/backend';
import { ReLU, ReLU6 } from '@octet/nn';
import { Conv2dNormActivation } from './conv2d-norm-activation';

export interface ConvBNReLUOptions {
  /** Odd, so that padding keeps the size. */
  kernelSize?: number;
  stride?: number;
  groups?: number;
  /** Clamp at 6 too. */
  relu6?: boolean;
}

/** Convolution (same padding, no bias), batch normalisation and ReLU, which `fuseModel` makes one layer. */
export class ConvBNReLU extends Conv2dNormActivation {
  static override readonly name: string = 'ConvBNReLU';

  constructor(nIn: number, nOut: number, options?: ConvBNReLUOptions) {
    const { relu6 = false, ...rest } = checkOptions('ConvBNReLU', options, 'kernelSize stride groups relu6');
    super(nIn, nOut, { ...rest, activation: relu6 ? ReLU6 : ReLU });
  }
}
