import { Linear } from '@octet/nn';
import { linear, type Tensor } from '@octet/tensor';
import type { QConfig } from '../qconfig';
import type { ObserverOrFakeQuant } from '../with-args';

/** A linear layer whose weight is fake-quantized. */
export class QatLinear extends Linear {
  readonly weightFakeQuant: ObserverOrFakeQuant;

  constructor(layer: Linear, qconfig: QConfig) {
    super(layer.inFeatures, layer.outFeatures, { bias: layer.bias !== undefined });
    this.weight = layer.weight;
    this.bias = layer.bias;
    this.qconfig = qconfig;
    this.training = layer.training;
    this.weightFakeQuant = qconfig.weight();
  }

  override forward(x: Tensor): Tensor {
    return linear(x, this.weightFakeQuant.call(this.weight), this.bias);
  }
}

/** A linear layer whose weight is fake-quantized, and ReLU. */
export class QatLinearReLU extends QatLinear {
  override forward(x: Tensor): Tensor {
    return super.forward(x).relu();
  }
}
