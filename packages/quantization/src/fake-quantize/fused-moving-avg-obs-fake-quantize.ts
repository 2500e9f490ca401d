import { QuantizationError } from '@octet/backend';
import { hasHooks } from '@octet/nn/modules';
import type { Tensor } from '@octet/tensor/functional';
import { type FoldingFactor, simulateObserved } from '../functional/fake-quantize';
import { fusedQparamsOfRange, qparamsFor } from '../functional/observe';
import type { RangeObserver } from '../observers/base';
import { MovingAverageMinMaxObserver } from '../observers/moving-average-min-max';
import { MovingAveragePerChannelMinMaxObserver } from '../observers/moving-average-per-channel-min-max';
import { FakeQuantizeBase, type FakeQuantizeOptions } from './base';

type MovingAverage = MovingAverageMinMaxObserver | MovingAveragePerChannelMinMaxObserver;

/**
 * PyTorch's default for QAT: as FakeQuantize over a moving average, but with the scale and zero point of the fused kernel
 * (docs/numerics.md, "Fused observer qparams"). `calculateQparams`, which conversion uses, stays the observer's.
 */
export class FusedMovingAvgObsFakeQuantize extends FakeQuantizeBase {
  static override readonly name: string = 'FusedMovingAvgObsFakeQuantize';

  constructor(options: FakeQuantizeOptions = {}) {
    super(options.observer ?? MovingAverageMinMaxObserver, options);
    const observer = this.activationPostProcess;
    if (
      !(
        observer instanceof MovingAverageMinMaxObserver ||
        observer instanceof MovingAveragePerChannelMinMaxObserver
      )
    ) {
      throw new QuantizationError({
        op: 'FusedMovingAvgObsFakeQuantize',
        expected: 'a moving-average observer',
        found: observer.constructor.name,
        fix: 'Use FakeQuantize for other observers.',
      });
    }
  }

  override forward(x: Tensor): Tensor {
    return this.isPlain && this.fakeQuantEnabled && x.numel > 0 ? this.simulate(x) : super.forward(x);
  }

  /** Whether `scaled` does for x what `call` would: nothing watches what passes here. */
  canScale(x: Tensor): boolean {
    return this.isPlain && !hasHooks(this) && this.fakeQuantEnabled && x.numel > 0 && !this.chAxis;
  }

  /**
   * call(x · s) / s as one kernel; x itself where |s| < 2^-30. s has a number for each index of x's first dim, along which the
   * scales are, if there are several.
   */
  scaled(x: Tensor, factor: FoldingFactor): Tensor {
    return this.simulate(x, factor);
  }

  private simulate(x: Tensor, factor?: FoldingFactor): Tensor {
    const observer = this.activationPostProcess as MovingAverage;
    const { quantMin, quantMax, isSymmetric: symmetric, chAxis: axis } = observer;
    if (this.observerEnabled) {
      observer.beginBatch(x);
      const qparams = qparamsFor(observer.minVal, this);
      if (qparams !== this) this.setQparams(qparams);
    }
    const { minVal, maxVal } = observer;
    const { scale, zeroPoint } = this;
    const averagingConstant = this.observerEnabled ? observer.averagingConstant : null;
    const attrs = { quantMin, quantMax, symmetric, averagingConstant, axis };
    return simulateObserved(x, { minVal, maxVal, scale, zeroPoint }, attrs, factor);
  }

  /** Whether what the kernel does is what this and its observer do: a class of someone's own, or a hook, may do more. */
  private get isPlain(): boolean {
    const { activationPostProcess: observer } = this;
    return (
      this.constructor === FusedMovingAvgObsFakeQuantize &&
      (observer.constructor === MovingAverageMinMaxObserver ||
        observer.constructor === MovingAveragePerChannelMinMaxObserver) &&
      !hasHooks(observer)
    );
  }

  protected override updateQparams(): void {
    // The fused kernel leaves scale and zero point alone while fake quantization is off.
    if (!this.fakeQuantEnabled) return;
    const { minVal, maxVal, quantMin, quantMax, isSymmetric } = this.activationPostProcess as RangeObserver;
    const attrs = { quantMin, quantMax, symmetric: isSymmetric };
    const qparams = fusedQparamsOfRange(minVal, maxVal, attrs, this);
    if (qparams !== this) this.setQparams(qparams);
  }
}
