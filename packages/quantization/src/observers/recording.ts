import { QuantizationError } from '@octet/backend';
import { clone, type Tensor } from '@octet/tensor/functional';
import type { QparamTensors } from '../functional/observe';
import { Observer } from './base';

/** Keeps a copy of every tensor that passes, for looking at. It has no scale. */
export class RecordingObserver extends Observer {
  static override readonly name: string = 'RecordingObserver';
  static readonly pure = true;

  readonly tensorVal: Tensor[] = [];

  override forward(x: Tensor): Tensor {
    this.tensorVal.push(clone(x.detach()).keep());
    return x;
  }

  override calculateQparams(): QparamTensors {
    throw new QuantizationError({
      op: 'RecordingObserver',
      expected: 'an observer that computes scales',
      found: 'one that only records',
      fix: 'Use MinMaxObserver or another one before convert().',
    });
  }
}
