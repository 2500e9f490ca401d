import type { Clamp } from '@octet/backend';
import { Linear, type Module } from '@octet/nn/modules';
import { linear, type Tensor, tidy } from '@octet/tensor/functional';
import { floatLinear } from '../float-layers';
import { RELU } from '../functional/int8';
import { LinearReLU } from '../intrinsic';
import { rectifierOf } from '../intrinsic/rectifier';
import type { QConfig } from '../qconfig';
import type { ObserverOrFakeQuant } from '../with-args';

/** A linear layer whose weight is fake-quantized. */
export class QatLinear extends Linear {
  static override readonly name: string = 'QatLinear';
  static override readonly pure = true;

  readonly weightFakeQuant: ObserverOrFakeQuant;

  constructor(layer: Linear, qconfig: QConfig) {
    super(layer.inFeatures, layer.outFeatures, { bias: layer.bias !== undefined });
    this.weight = layer.weight;
    this.bias = layer.bias;
    this.qconfig = qconfig;
    this.training = layer.training;
    this.weightFakeQuant = qconfig.weight();
  }

  /** The bounds of the output. */
  protected get clamp(): Clamp | undefined {
    return undefined;
  }

  override forward(x: Tensor): Tensor {
    return tidy(() => linear(x, this.weightFakeQuant.call(this.weight), this.bias, { clamp: this.clamp }));
  }

  /** The linear layer that it trains. */
  toFloat(): Module {
    return floatLinear(this.weight, this.bias, this.training);
  }
}

/** A linear layer whose weight is fake-quantized, and ReLU or ReLU6. */
export class QatLinearReLU extends QatLinear {
  static override readonly name: string = 'QatLinearReLU';

  /** `bounds` are those of the activation. */
  constructor(
    layer: Linear,
    qconfig: QConfig,
    readonly bounds: Clamp = RELU,
  ) {
    super(layer, qconfig);
  }

  protected override get clamp(): Clamp {
    return this.bounds;
  }

  override toFloat(): Module {
    return new LinearReLU(floatLinear(this.weight, this.bias, this.training), rectifierOf(this.bounds)).train(
      this.training,
    );
  }
}
