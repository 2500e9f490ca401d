import { MovingAverageMinMaxObserver } from '../observers/moving-average-min-max';
import { FakeQuantizeBase, type FakeQuantizeOptions } from './base';

/** Fake quantization at the scale and zero point that the observer computes by its own formula. */
export class FakeQuantize extends FakeQuantizeBase {
  static override readonly name: string = 'FakeQuantize';

  constructor(options: FakeQuantizeOptions = {}) {
    super(options.observer ?? MovingAverageMinMaxObserver, options);
  }
}
