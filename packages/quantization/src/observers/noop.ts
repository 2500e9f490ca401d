import { QuantizationError } from '@octet/backend';
import type { Tensor } from '@octet/tensor/functional';
import type { QparamTensors } from '../functional/observe';
import { Observer } from './base';

/** Watches nothing: a placeholder for what needs no observer. */
export class NoopObserver extends Observer {
  static override readonly name: string = 'NoopObserver';
  static readonly pure = true;

  override forward(x: Tensor): Tensor {
    return x;
  }

  override calculateQparams(): QparamTensors {
    throw new QuantizationError({
      op: 'NoopObserver',
      expected: 'an observer that computes scales',
      found: 'one that watches nothing',
      fix: 'Use MinMaxObserver or another one before convert().',
    });
  }
}
