import type { Clamp } from '@octet/backend';
import { Conv1d, type Module } from '@octet/nn/modules';
import { type Tensor, tidy } from '@octet/tensor/functional';
import { convolve, floatConv1d } from '../float-layers';
import { RELU } from '../functional/int8';
import { ConvReLU1d } from '../intrinsic';
import { rectifierOf } from '../intrinsic/rectifier';
import type { QConfig } from '../qconfig';
import type { ObserverOrFakeQuant } from '../with-args';

/** A 1-d convolution whose weight is fake-quantized. */
export class QatConv1d extends Conv1d {
  static override readonly name: string = 'QatConv1d';
  static override readonly pure = true;

  readonly weightFakeQuant: ObserverOrFakeQuant;

  constructor(conv: Conv1d, qconfig: QConfig) {
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
    return floatConv1d(this, this.weight, this.bias);
  }
}

/** A 1-d convolution whose weight is fake-quantized, and ReLU or ReLU6. */
export class QatConvReLU1d extends QatConv1d {
  static override readonly name: string = 'QatConvReLU1d';

  /** `bounds` are those of the activation. */
  constructor(
    conv: Conv1d,
    qconfig: QConfig,
    readonly bounds: Clamp = RELU,
  ) {
    super(conv, qconfig);
  }

  protected override get clamp(): Clamp {
    return this.bounds;
  }

  override toFloat(): Module {
    return new ConvReLU1d(floatConv1d(this, this.weight, this.bias), rectifierOf(this.bounds)).train(
      this.training,
    );
  }
}
