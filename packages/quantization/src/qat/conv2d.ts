import type { Clamp } from '@octet/backend';
import { Conv2d, type Module } from '@octet/nn/modules';
import { type Tensor, tidy } from '@octet/tensor/functional';
import { convolve, floatConv } from '../float-layers';
import { RELU } from '../functional/int8';
import { ConvReLU2d } from '../intrinsic';
import { rectifierOf } from '../intrinsic/rectifier';
import type { QConfig } from '../qconfig';
import type { ObserverOrFakeQuant } from '../with-args';

/** A convolution whose weight is fake-quantized. */
export class QatConv2d extends Conv2d {
  static override readonly name: string = 'QatConv2d';
  static override readonly pure = true;

  readonly weightFakeQuant: ObserverOrFakeQuant;

  constructor(conv: Conv2d, qconfig: QConfig) {
    super(conv.inChannels, conv.outChannels, conv.kernelSize, {
      ...conv.options,
      bias: conv.bias !== undefined,
    });
    this.weight = conv.weight;
    this.bias = conv.bias;
    this.qconfig = qconfig;
    this.training = conv.training;
    this.weightFakeQuant = qconfig.weight();
  }

  /** The bounds of the output. */
  protected get clamp(): Clamp | undefined {
    return undefined;
  }

  override forward(x: Tensor): Tensor {
    return tidy(() => convolve(this, x, this.weightFakeQuant.call(this.weight), this.bias, this.clamp));
  }

  /** The convolution that it trains. */
  toFloat(): Module {
    return floatConv(this, this.weight, this.bias);
  }
}

/** A convolution whose weight is fake-quantized, and ReLU or ReLU6. */
export class QatConvReLU2d extends QatConv2d {
  static override readonly name: string = 'QatConvReLU2d';

  /** `bounds` are those of the activation. */
  constructor(
    conv: Conv2d,
    qconfig: QConfig,
    readonly bounds: Clamp = RELU,
  ) {
    super(conv, qconfig);
  }

  protected override get clamp(): Clamp {
    return this.bounds;
  }

  override toFloat(): Module {
    return new ConvReLU2d(floatConv(this, this.weight, this.bias), rectifierOf(this.bounds)).train(
      this.training,
    );
  }
}
