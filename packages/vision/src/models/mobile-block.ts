import { checkOptions } from '@octet/backend';
import { Module, Sequential } from '@octet/nn';
import { FloatFunctional } from '@octet/quantization';
import { type Tensor, tidy } from '@octet/tensor';
import { Conv2dNormActivation, type LayerClass } from './conv2d-norm-activation';
import { SqueezeExcitation } from './squeeze-excitation';
import { StochasticDepth } from './stochastic-depth';

export interface MobileBlockOptions {
  /** Of the depthwise convolution. */
  kernelSize?: number;
  stride?: number;
  /** The class of the activation after the first two convolutions. */
  activation?: LayerClass;
  /** The channels between the two convolutions of squeeze-and-excitation; 0 leaves it out. */
  squeeze?: number;
  /** The class of the activation between these two. */
  squeezeActivation?: LayerClass;
  /** The class of the layer that makes the factors. */
  scaleActivation?: LayerClass;
  /** How often training skips the block. */
  stochasticDepth?: number;
  /** Of the batch normalisations. */
  eps?: number;
  /** Of the batch normalisations. */
  momentum?: number;
}

/**
 * The block of MobileNetV3 and of EfficientNet, torchvision's `InvertedResidual` and `MBConv`: [N, nIn, H, W] → [N, nOut, H / stride,
 * W / stride]. A 1x1 convolution widens to `hidden` channels, a depthwise one looks around, squeeze-and-excitation weighs the channels, a
 * 1x1 convolution narrows. Where the shape stays, the input is added to the output. Howard et al., 2019; Tan and Le, 2019.
 */
export class MobileBlock extends Module {
  static override readonly name: string = 'MobileBlock';
  static readonly pure = true;

  readonly block: Sequential;
  readonly useResConnect: boolean;
  readonly stochasticDepth: StochasticDepth;
  readonly skipAdd = new FloatFunctional();

  constructor(nIn: number, hidden: number, nOut: number, options?: MobileBlockOptions) {
    super();
    const {
      kernelSize = 3,
      stride = 1,
      activation,
      squeeze = 0,
      squeezeActivation,
      scaleActivation,
      stochasticDepth = 0,
      eps,
      momentum,
    } = checkOptions(
      'MobileBlock',
      options,
      'kernelSize stride activation squeeze squeezeActivation scaleActivation stochasticDepth eps momentum',
    );
    const shared = { eps, momentum };
    this.useResConnect = stride === 1 && nIn === nOut;
    this.block = new Sequential(
      ...(hidden === nIn
        ? []
        : [new Conv2dNormActivation(nIn, hidden, { kernelSize: 1, activation, ...shared })]),
      new Conv2dNormActivation(hidden, hidden, { kernelSize, stride, groups: hidden, activation, ...shared }),
      ...(squeeze === 0
        ? []
        : [new SqueezeExcitation(hidden, squeeze, { activation: squeezeActivation, scaleActivation })]),
      new Conv2dNormActivation(hidden, nOut, { kernelSize: 1, activation: null, ...shared }),
    );
    this.stochasticDepth = new StochasticDepth(stochasticDepth);
  }

  forward(x: Tensor): Tensor {
    return tidy(() => {
      const y = this.block.call(x);
      return this.useResConnect ? this.skipAdd.add(x, this.stochasticDepth.call(y)) : y;
    });
  }
}
