import { QuantizationError } from '@octet/backend';
import { type AnyModule, type BatchNorm2d, type Conv2d, type Module, ReLU } from '@octet/nn/modules';
import {
  abs,
  add,
  contiguous,
  conv2d,
  div,
  expand,
  mean,
  mul,
  noGrad,
  ones,
  relu,
  reshape,
  sqrt,
  square,
  sub,
  type Tensor,
  tidy,
  zeros,
} from '@octet/tensor/functional';
import { FusedMovingAvgObsFakeQuantize } from '../fake-quantize/fused-moving-avg-obs-fake-quantize';
import { floatConv } from '../float-layers';
import { foldBatchNorm } from '../fold-batch-norm';
import type { FoldingFactor } from '../functional/fake-quantize';
import { ConvReLU2d } from '../intrinsic';
import type { QConfig } from '../qconfig';
import { QatConv2d } from './conv2d';

/** The smallest s to divide by. A weight times less is zero in any integers. */
const SMALLEST_FACTOR = 2 ** -30;

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
    if (!bn.runningMean || !bn.runningVar) {
      throw new QuantizationError({
        op: 'prepareQat',
        expected: 'a batch normalisation with running statistics',
        found: 'one without (trackRunningStats: false)',
        fix: 'Training with folded weights needs the running variance.',
      });
    }
    this.bn = bn;
  }

  override forward(x: Tensor): Tensor {
    return tidy(() => (this.slowPath ? this.forwardSlow(x) : this.bn.call(this.foldedConv(x))));
  }

  /** conv(x, W') / s + b as conv(x, W' / s) + b: weights are far smaller than outputs. */
  private foldedConv(x: Tensor): Tensor {
    return tidy(() => {
      const { weight, weightFakeQuant } = this;
      const fused =
        weightFakeQuant instanceof FusedMovingAvgObsFakeQuantize && weightFakeQuant.canScale(weight);
      const scaled = fused ? weightFakeQuant.scaled(weight, this.foldingFactor) : this.scaledWeight();
      return conv2d(x, scaled, this.bias, this.options);
    });
  }

  /** W' / s, whatever makes W'. */
  private scaledWeight(): Tensor {
    const factor = this.factor();
    const folded = this.foldedWeight(factor);
    const spare = this.mayVanish ? this.spare(factor) : undefined;
    return spare ? div(add(folded, spare.weight), add(factor, spare.one)) : div(folded, factor);
  }

  /** Whether a channel's s may be too small to divide by. Where γ can't be read at once: always. */
  private get mayVanish(): boolean {
    const { weight } = this.bn;
    return !!weight && (!weight.backend.readSync || weight.dataSync().some((g) => Math.abs(g) < 2 ** -10));
  }

  /** 1 where `factor` is too small to divide by, 0 elsewhere; and the weight there. */
  private spare(factor: Tensor): { one: Tensor; weight: Tensor } {
    return noGrad(() => {
      const one = relu(add(mul(abs(factor), -1 / SMALLEST_FACTOR), 1));
      return { one, weight: mul(this.weight, one) };
    });
  }

  private forwardSlow(x: Tensor): Tensor {
    const { bn, bias } = this;
    const training = bn.training;
    const plain = training ? conv2d(x, this.weight, undefined, this.options) : undefined;
    // The running statistics see this batch before they fold the weight.
    if (plain) noGrad(() => bn.call(bias ? add(plain, perChannel(bias)) : plain));
    const { runningStd } = this;
    let y = conv2d(x, this.foldedWeight(this.factor()), undefined, this.options);
    let batchMean: Tensor;
    let std: Tensor;
    if (plain) {
      batchMean = mean(plain, [0, 2, 3]);
      std = sqrt(add(mean(square(sub(plain, perChannel(batchMean))), [0, 2, 3]), bn.eps));
      y = mul(y, perChannel(div(runningStd, std)));
    } else {
      batchMean = bias ? sub(bn.runningMean as Tensor, bias) : (bn.runningMean as Tensor);
      std = runningStd;
    }
    const shift = sub(this.beta, div(mul(this.gamma, batchMean), std));
    // b - b: the bias is part of the graph, with a gradient of zero, as PyTorch has it.
    return add(y, perChannel(bias ? add(shift, sub(bias, bias)) : shift));
  }

  /** W' */
  private foldedWeight(factor: Tensor): Tensor {
    return this.weightFakeQuant.call(mul(this.weight, factor));
  }

  /** s, as often as the weight has elements: it is used more than once. */
  private factor(): Tensor {
    return contiguous(expand(reshape(div(this.gamma, this.runningStd), [-1, 1, 1, 1]), this.weight.shape));
  }

  private get foldingFactor(): FoldingFactor {
    return { weight: this.gamma, variance: this.bn.runningVar as Tensor, eps: this.bn.eps };
  }

  private get runningStd(): Tensor {
    return sqrt(add(this.bn.runningVar as Tensor, Math.fround(this.bn.eps)));
  }

  private get gamma(): Tensor {
    return this.bn.weight ?? ones([this.outChannels], { backend: this.weight.backend });
  }

  private get beta(): Tensor {
    return this.bn.bias ?? zeros([this.outChannels], { backend: this.weight.backend });
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

/** QatConvBn2d and ReLU. */
export class QatConvBnReLU2d extends QatConvBn2d {
  static override readonly name: string = 'QatConvBnReLU2d';
  static override readonly pure = true;

  override forward(x: Tensor): Tensor {
    return tidy(() => relu(super.forward(x)));
  }

  override toFloat(): Module {
    return new ConvReLU2d(super.toFloat() as Conv2d, new ReLU()).train(this.training);
  }
}

function perChannel(x: Tensor): Tensor {
  return reshape(x, [1, -1, 1, 1]);
}

/** Batch normalisation uses its running statistics from here on, and leaves them: `model.apply(freezeBnStats)`. */
export function freezeBnStats(module: AnyModule): void {
  if (module instanceof QatConvBn2d) module.freezeBnStats();
}

/** Undoes freezeBnStats. */
export function updateBnStats(module: AnyModule): void {
  if (module instanceof QatConvBn2d) module.updateBnStats();
}
