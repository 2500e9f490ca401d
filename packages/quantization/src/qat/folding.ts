import { type Clamp, QuantizationError } from '@octet/backend';
import type { BatchNorm1d, BatchNorm2d, Conv1d } from '@octet/nn/modules';
import { type Tensor, tidy } from '@octet/tensor/functional';
import { type Folded, foldBatchNorm } from '../fold-batch-norm';
import { rectify } from '../intrinsic/rectifier';
import type { QConfig } from '../qconfig';
import { type FakeQuantized, type FakeQuantizedClass, floatOf, type TrainedLayer } from './fake-quantized';
import { foldedForward } from './folded-forward';

type BatchNorm = BatchNorm1d | BatchNorm2d;

/** What a layer has that is trained with its batch normalisation folded into the quantized weight. */
export interface Folding<B extends BatchNorm> extends FakeQuantized {
  readonly bn: B;
  /** Whether to use frozen running statistics, as PyTorch's freeze_bn_stats. */
  freezeBn: boolean;
  /**
   * Two convolutions a step instead of one, without the division by γ: PyTorch's
   * `_enable_slow_path_for_better_numerical_stability`. Not needed for a γ of zero: channels whose |s| is below 2^-30 take the
   * weight itself for W' / s, which gives what the slow path does.
   */
  slowPath: boolean;
  freezeBnStats(): void;
  updateBnStats(): void;
  /** Weight and bias with the batch normalisation folded in. */
  folded(): Folded;
}

/** The class of `L` that folds a batch normalisation `B`. */
export interface FoldingClass<L extends TrainedLayer, B extends BatchNorm> {
  readonly name: string;
  /**
   * The weights are those of `layer`. `bounds` are those of the activation after `bn`, if there is one.
   * @throws QuantizationError if `bn` has no running statistics
   */
  new (layer: L, bn: B, qconfig: QConfig, bounds?: Clamp): L & Folding<B>;
}

/** `Layer` with a batch normalisation after it: a class to extend, one for convolutions and linear layers. */
export function folding<L extends TrainedLayer, B extends BatchNorm>(
  Layer: FakeQuantizedClass<L>,
): FoldingClass<L, B> {
  // Any of the classes: TypeScript extends none that it doesn't know.
  const Base = Layer as unknown as FakeQuantizedClass<Conv1d>;

  class FoldingLayer extends Base implements Folding<BatchNorm> {
    static readonly pure = true;

    readonly bn: BatchNorm;
    freezeBn = false;
    slowPath = false;

    constructor(layer: Conv1d, bn: BatchNorm, qconfig: QConfig, bounds?: Clamp) {
      super(layer, qconfig, bounds);
      this.bn = requireRunning(bn);
    }

    override forward(x: Tensor): Tensor {
      const { bounds } = this;
      return bounds ? tidy(() => rectify(foldedForward(this, x), bounds)) : foldedForward(this, x);
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

    folded(): Folded {
      return foldBatchNorm(this.weight, this.bias, this.bn);
    }

    override toFloat() {
      return floatOf(this, this.folded());
    }
  }
  return FoldingLayer as unknown as FoldingClass<L, B>;
}

/** The batch normalisation. @throws QuantizationError without running statistics */
function requireRunning<B extends BatchNorm>(bn: B): B {
  if (bn.runningMean && bn.runningVar) return bn;
  throw new QuantizationError({
    op: 'prepareQat',
    expected: 'a batch normalisation with running statistics',
    found: 'one without (trackRunningStats: false)',
    fix: 'Training with folded weights needs the running variance.',
  });
}
