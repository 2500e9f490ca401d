import { checkOptions } from '@octet/backend';
import { AdaptiveAvgPool2d, Conv2d, Module, ReLU, Sigmoid } from '@octet/nn';
import { FloatFunctional } from '@octet/quantization';
import { type Tensor, tidy } from '@octet/tensor';
import { fuseLayers } from '../fuse-layers';
import type { LayerClass } from './conv2d-norm-activation';

export interface SqueezeExcitationOptions {
  /** The class of the layer between the two convolutions. */
  activation?: LayerClass;
  /** The class of the layer that makes the factors. */
  scaleActivation?: LayerClass;
}

/**
 * x · s(x), the factors of each image and channel from the means of all its channels, by two 1x1 convolutions: [N, C, H, W] →
 * [N, C, H, W]. Hu et al., 2017.
 */
export class SqueezeExcitation extends Module {
  static override readonly name: string = 'SqueezeExcitation';
  static readonly pure = true;

  readonly avgpool = new AdaptiveAvgPool2d(1);
  readonly fc1: Conv2d;
  readonly fc2: Conv2d;
  readonly activation: Module;
  readonly scaleActivation: Module;
  readonly skipMul = new FloatFunctional();

  constructor(channels: number, squeezeChannels: number, options?: SqueezeExcitationOptions) {
    super();
    const { activation: Activation = ReLU, scaleActivation: ScaleActivation = Sigmoid } = checkOptions(
      'SqueezeExcitation',
      options,
      'activation scaleActivation',
    );
    this.fc1 = new Conv2d(channels, squeezeChannels, 1);
    this.fc2 = new Conv2d(squeezeChannels, channels, 1);
    this.activation = new Activation();
    this.scaleActivation = new ScaleActivation();
  }

  forward(x: Tensor): Tensor {
    return tidy(() => {
      const squeezed = this.activation.call(this.fc1.call(this.avgpool.call(x)));
      return this.skipMul.mul(this.scaleActivation.call(this.fc2.call(squeezed)), x);
    });
  }

  /** Fuses the first convolution with its activation where that is ReLU. */
  fuseModel(): void {
    if (this.activation instanceof ReLU) fuseLayers(this, ['fc1', 'activation']);
  }
}
