import type { Clamp } from '@octet/backend';
import type { BatchNorm1d, Linear, Module } from '@octet/nn/modules';
import { type Tensor, tidy } from '@octet/tensor/functional';
import { floatLinear } from '../float-layers';
import { foldBatchNorm } from '../fold-batch-norm';
import { RELU } from '../functional/int8';
import { LinearReLU } from '../intrinsic';
import { rectifierOf, rectify } from '../intrinsic/rectifier';
import type { QConfig } from '../qconfig';
import { foldedForward, requireRunning } from './conv-bn';
import { QatLinear } from './linear';

/**
 * Linear layer and batch normalisation of x [N, inFeatures], trained with the weight quantized as it will be: folded with the running
 * variance. s = γ / √(running_var + ε), W' = fakeQuant(W · s), y = BN(x · W'ᵀ / s + b): PyTorch's LinearBn1d.
 */
export class QatLinearBn1d extends QatLinear {
  static override readonly name: string = 'QatLinearBn1d';
  static override readonly pure = true;

  readonly bn: BatchNorm1d;
  /** Whether to use frozen running statistics, as PyTorch's freeze_bn_stats. */
  freezeBn = false;
  /** As that of QatConvBn2d. */
  slowPath = false;

  constructor(linear: Linear, bn: BatchNorm1d, qconfig: QConfig) {
    super(linear, qconfig);
    this.bn = requireRunning(bn);
  }

  override forward(x: Tensor): Tensor {
    return foldedForward(this, x);
  }

  /** Frozen statistics stay frozen when the model goes back to training. */
  override train(mode = true): this {
    super.train(mode);
    if (this.freezeBn) this.bn.eval();
    return this;
  }

  freezeBnStats(): void {
    this.freezeBn = true;
    this.bn.eval();
  }

  updateBnStats(): void {
    this.freezeBn = false;
    this.bn.train();
  }

  /** Weight and bias with the batch normalisation folded in. */
  folded() {
    return foldBatchNorm(this.weight, this.bias, this.bn);
  }

  /** The linear layer that it trains, with the batch normalisation folded in. */
  override toFloat(): Module {
    const { weight, bias } = this.folded();
    return floatLinear(weight, bias, this.training);
  }
}

/** QatLinearBn1d and ReLU or ReLU6. */
export class QatLinearBnReLU1d extends QatLinearBn1d {
  static override readonly name: string = 'QatLinearBnReLU1d';
  static override readonly pure = true;

  /** `bounds` are those of the activation. */
  constructor(
    linear: Linear,
    bn: BatchNorm1d,
    qconfig: QConfig,
    readonly bounds: Clamp = RELU,
  ) {
    super(linear, bn, qconfig);
  }

  override forward(x: Tensor): Tensor {
    return tidy(() => rectify(super.forward(x), this.bounds));
  }

  override toFloat(): Module {
    return new LinearReLU(super.toFloat() as Linear, rectifierOf(this.bounds)).train(this.training);
  }
}
