import type { Clamp } from '@octet/backend';
import type { BatchNorm2d, Conv2d, Module } from '@octet/nn/modules';
import { type Tensor, tidy } from '@octet/tensor/functional';
import { floatConv } from '../float-layers';
import { foldBatchNorm } from '../fold-batch-norm';
import { RELU } from '../functional/int8';
import { ConvReLU2d } from '../intrinsic';
import { rectifierOf, rectify } from '../intrinsic/rectifier';
import type { QConfig } from '../qconfig';
import { foldedForward, requireRunning } from './conv-bn';
import { QatConv2d } from './conv2d';

/**
 * Convolution and batch normalisation, trained with the weight quantized as it will be: folded with the running variance.
 * s = γ / √(running_var + ε), W' = fakeQuant(W · s), y = BN(conv(x, W') / s + b): PyTorch's ConvBn2d (the paper:
 * https://arxiv.org/abs/1806.08342, section 3.2.2).
 */
export class QatConvBn2d extends QatConv2d {
  static override readonly name: string = 'QatConvBn2d';
  static override readonly pure = true;

  readonly bn: BatchNorm2d;
  /** Whether to use frozen running statistics, as PyTorch's freeze_bn_stats. */
  freezeBn = false;
  /**
   * Two convolutions a step instead of one, without the division by γ: PyTorch's
   * `_enable_slow_path_for_better_numerical_stability`. Not needed for a γ of zero: channels whose |s| is below 2^-30 take the
   * weight itself for W' / s, which gives what the slow path does.
   */
  slowPath = false;

  constructor(conv: Conv2d, bn: BatchNorm2d, qconfig: QConfig) {
    super(conv, qconfig);
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

  /** The convolution that it trains, with the batch normalisation folded in. */
  override toFloat(): Module {
    const { weight, bias } = this.folded();
    return floatConv(this, weight, bias);
  }
}

/** QatConvBn2d and ReLU or ReLU6. */
export class QatConvBnReLU2d extends QatConvBn2d {
  static override readonly name: string = 'QatConvBnReLU2d';
  static override readonly pure = true;

  /** `bounds` are those of the activation. */
  constructor(
    conv: Conv2d,
    bn: BatchNorm2d,
    qconfig: QConfig,
    readonly bounds: Clamp = RELU,
  ) {
    super(conv, bn, qconfig);
  }

  override forward(x: Tensor): Tensor {
    return tidy(() => rectify(super.forward(x), this.bounds));
  }

  override toFloat(): Module {
    return new ConvReLU2d(super.toFloat() as Conv2d, rectifierOf(this.bounds)).train(this.training);
  }
}
