import { checkOptions } from '@octet/backend';
import { BatchNorm2d, Conv2d, ReLU, ReLU6, Sequential } from '@octet/nn';
import { fuseLayers } from '../fuse-layers';

export interface ConvBNReLUOptions {
  /** Odd, so that padding keeps the size. */
  kernelSize?: number;
  stride?: number;
  groups?: number;
  /** Clamp at 6 too. Integers take ReLU without a cost, ReLU6 is a step of its own. */
  relu6?: boolean;
}

/** Convolution (same padding, no bias), batch normalisation and ReLU, which `fuseModel` makes one layer. */
export class ConvBNReLU extends Sequential {
  static override readonly name: string = 'ConvBNReLU';

  constructor(nIn: number, nOut: number, options?: ConvBNReLUOptions) {
    const {
      kernelSize = 3,
      stride = 1,
      groups = 1,
      relu6 = false,
    } = checkOptions('ConvBNReLU', options, 'kernelSize stride groups relu6');
    const padding = Math.floor((kernelSize - 1) / 2);
    super(
      new Conv2d(nIn, nOut, kernelSize, { stride, padding, groups, bias: false }),
      new BatchNorm2d(nOut),
      relu6 ? new ReLU6() : new ReLU(),
    );
  }

  /** Fuses what fuses: all three, or the first two before a ReLU6. */
  fuseModel(): void {
    fuseLayers(this, this[2] instanceof ReLU ? ['0', '1', '2'] : ['0', '1']);
  }
}
