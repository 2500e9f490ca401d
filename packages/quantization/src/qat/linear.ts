import { inTurn, Linear } from '@octet/nn';
import { chain, linear, relu, type Tensor } from '@octet/tensor';
import type { QConfig } from '../qconfig';
import type { ObserverOrFakeQuant } from '../with-args';

/** A linear layer whose weight is fake-quantized. */
export class QatLinear extends Linear {
  static override readonly name: string = 'QatLinear';
  static override readonly keepsNothing = true;

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
    return inTurn(this.weight, this.weightFakeQuant, (w) => linear(x, w, this.bias));
  }
}

/** A linear layer whose weight is fake-quantized, and ReLU. */
export class QatLinearReLU extends QatLinear {
  static override readonly name: string = 'QatLinearReLU';
  static override readonly keepsNothing = true;

  override forward(x: Tensor): Tensor {
    return chain(super.forward(x), relu);
  }
}
