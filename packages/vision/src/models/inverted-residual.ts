import { checkOptions } from '@octet/backend';
import { BatchNorm2d, Conv2d, Module, Sequential } from '@octet/nn';
import { type Tensor, tidy } from '@octet/tensor';
import { ConvBNReLU } from './conv-bn-relu';

export interface InvertedResidualOptions {
  /** ReLU6 in place of ReLU. */
  relu6?: boolean;
}

/**
 * MobileNetV2's block: a 1x1 convolution widens (unless expandRatio is 1), a 3x3 depthwise one looks around, a 1x1 one
 * narrows again, without activation. Where the shape stays, the input is added to the output. Sandler et al., 2018.
 */
export class InvertedResidual extends Module {
  static override readonly name: string = 'InvertedResidual';
  static readonly pure = true;

  readonly conv: Sequential;
  readonly useRes: boolean;

  constructor(
    nIn: number,
    nOut: number,
    stride: number,
    expandRatio: number,
    options: InvertedResidualOptions = {},
  ) {
    super();
    const { relu6 = false } = checkOptions('InvertedResidual', options, 'relu6');
    const hidden = Math.round(nIn * expandRatio);
    this.useRes = stride === 1 && nIn === nOut;
    this.conv = new Sequential(
      ...(expandRatio === 1 ? [] : [new ConvBNReLU(nIn, hidden, { kernelSize: 1, relu6 })]),
      new ConvBNReLU(hidden, hidden, { stride, groups: hidden, relu6 }),
      new Conv2d(hidden, nOut, 1, { bias: false }),
      new BatchNorm2d(nOut),
    );
  }

  forward(x: Tensor): Tensor {
    return tidy(() => (this.useRes ? this.add(x, this.conv.call(x)) : this.conv.call(x)));
  }

  protected add(x: Tensor, y: Tensor): Tensor {
    return x.add(y);
  }
}
