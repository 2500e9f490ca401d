import {
  type AbortSignalLike,
  breathe,
  checkOptions,
  QuantizationError,
  requireIterable,
} from '@octet/backend';
import { type AnyModule, requireModule } from '@octet/nn/modules';
import { noGrad, Tensor } from '@octet/tensor/functional';
import { flushObservers } from './observed';

/** What a model is called with: a tensor, or an array of arguments. */
export type ModelInput = Tensor | readonly unknown[];

/** Inputs one after another; each is looked at once and let go. */
export type Inputs = Iterable<ModelInput> | AsyncIterable<ModelInput>;

export interface CalibrateOptions {
  /** Told how many inputs have been seen, after each; waited for. */
  onProgress?: (inputs: number) => unknown;
  /** Ends the calibration with the signal's reason. The observers keep what they saw. */
  signal?: AbortSignalLike;
}

/**
 * Shows a prepared model the inputs, one call each without gradients: its observers see the ranges.
 *
 * @param prepared of `prepare`, `prepareQat`, `prepareFx` or `prepareQatFx`, in evaluation mode
 * @param data inputs like those that the model will see; each a tensor, or an array of arguments
 * @throws ModuleError for what is no module; ArgumentError for data that can't be iterated; QuantizationError without inputs, or for
 * those with NaN or infinity; what the model throws; the signal's reason
 */
export async function calibrate(
  prepared: AnyModule,
  data: Inputs,
  options?: CalibrateOptions,
): Promise<void> {
  const { onProgress, signal } = checkOptions('calibrate', options, 'onProgress signal');
  requireModule('calibrate', prepared);
  requireIterable('calibrate', 'data', data);
  await breathe(signal);
  let inputs = 0;
  for await (const input of data) {
    noGrad(() => prepared.call(...(input instanceof Tensor ? [input] : input)));
    await flushObservers(prepared);
    inputs++;
    await onProgress?.(inputs);
    await breathe(signal);
  }
  if (inputs > 0) return;
  throw new QuantizationError({
    op: 'calibrate',
    expected: 'some inputs',
    found: 'none',
    fix: 'Pass an array, or a generator that was not used up before.',
  });
}
