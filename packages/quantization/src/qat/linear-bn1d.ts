import type { Clamp } from '@octet/backend';
import type { BatchNorm1d, Linear } from '@octet/nn/modules';
import { RELU } from '../functional/int8';
import type { QConfig } from '../qconfig';
import { folding } from './folding';
import { QatLinear } from './linear';

/**
 * Linear layer and batch normalisation of x [N, inFeatures], trained with the weight quantized as it will be: folded with the running
 * variance. s = γ / √(running_var + ε), W' = fakeQuant(W · s), y = BN(x · W'ᵀ / s + b): PyTorch's LinearBn1d.
 */
export class QatLinearBn1d extends /* @__PURE__ */ folding<Linear, BatchNorm1d>(QatLinear) {
  static override readonly name: string = 'QatLinearBn1d';
}

/** QatLinearBn1d and ReLU or ReLU6. */
export class QatLinearBnReLU1d extends QatLinearBn1d {
  static override readonly name: string = 'QatLinearBnReLU1d';
  declare readonly bounds: Clamp;

  /** `bounds` are those of the activation. */
  constructor(linear: Linear, bn: BatchNorm1d, qconfig: QConfig, bounds: Clamp = RELU) {
    super(linear, bn, qconfig, bounds);
  }
}
