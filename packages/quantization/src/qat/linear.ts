import type { Clamp } from '@octet/backend';
import { Linear, type Module, ReLU } from '@octet/nn/modules';
import { linear, type Tensor, tidy } from '@octet/tensor/functional';
import { floatLinear } from '../float-layers';
import { RELU } from '../functional/int8';
import { LinearReLU } from '../intrinsic';
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

/** A linear layer whose weight is fake-quantized, and ReLU. */
export class QatLinearReLU extends QatLinear {
  static override readonly name: string = 'QatLinearReLU';

  protected override get clamp(): Clamp {
    return RELU;
  }

  override toFloat(): Module {
    return new LinearReLU(floatLinear(this.weight, this.bias, this.training), new ReLU()).train(
      this.training,
    );
  }
}
