import { QuantizationError } from '@octet/backend';
import type { QparamTensors } from '../functional/observe';
import { FixedQParamsObserver } from '../observers/fixed-qparams';
import type { ObserverLike } from '../with-args';
import { FakeQuantizeBase } from './base';

/**
 * Fake quantization at the fixed scale and zero point of its FixedQParamsObserver: for outputs whose range is known, like a
 * sigmoid's. @throws QuantizationError for another observer
 */
export class FixedQParamsFakeQuantize extends FakeQuantizeBase {
  static override readonly name: string = 'FixedQParamsFakeQuantize';
  constructor({ observer }: { observer: ObserverLike }) {
    super(observer, {});
    if (!(this.activationPostProcess instanceof FixedQParamsObserver)) {
      throw new QuantizationError({
        op: 'FixedQParamsFakeQuantize',
        expected: 'a FixedQParamsObserver',
        found: this.activationPostProcess.constructor.name,
        fix: 'Use FakeQuantize for other observers.',
      });
    }
    this.setQparams(this.activationPostProcess.calculateQparams());
  }

  override calculateQparams(): QparamTensors {
    return { scale: this.scale, zeroPoint: this.zeroPoint };
  }

  protected override updateQparams(): void {}
}
