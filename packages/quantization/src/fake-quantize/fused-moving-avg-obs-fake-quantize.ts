import { QuantizationError } from '@octet/backend';
import { fusedQparamsOfRange } from '../functional/observe';
import type { RangeObserver } from '../observers/base';
import { MovingAverageMinMaxObserver } from '../observers/moving-average-min-max';
import { MovingAveragePerChannelMinMaxObserver } from '../observers/moving-average-per-channel-min-max';
import { FakeQuantizeBase, type FakeQuantizeOptions } from './base';

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

  protected override updateQparams(): void {
    // The fused kernel leaves scale and zero point alone while fake quantization is off.
    if (!this.fakeQuantEnabled) return;
    const { minVal, maxVal, quantMin, quantMax, isSymmetric } = this.activationPostProcess as RangeObserver;
    const attrs = { quantMin, quantMax, symmetric: isSymmetric };
    const qparams = fusedQparamsOfRange(minVal, maxVal, attrs, this);
    if (qparams !== this) this.setQparams(qparams);
  }
}
