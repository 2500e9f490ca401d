/** The observer of a module's output lives in its field `activationPostProcess`, and runs in a forward hook. */
import { QuantizationError } from '@octet/backend';
import { type AnyModule, keepsNothing } from '@octet/nn';
import { freeIntermediate, type Tensor } from '@octet/tensor';
import { FakeQuantizeBase } from './fake-quantize/base';
import { Observer } from './observers/base';
import type { ObserverOrFakeQuant } from './with-args';

interface Observed {
  activationPostProcess?: ObserverOrFakeQuant;
}

/** The observer of the module's output; a fake quantizer's own observer isn't one. */
export function outputObserver(module: AnyModule): ObserverOrFakeQuant | undefined {
  if (module instanceof FakeQuantizeBase) return undefined;
  return (module as unknown as Observed).activationPostProcess;
}

/**
 * Waits until the observers of a model have taken in what they were shown. Only a HistogramObserver on a backend that can't
 * be read at once (WebGPU) has to wait; `convert` does by itself. @throws QuantizationError for batches with NaN or infinity
 */
export async function settleObservers(model: AnyModule): Promise<void> {
  for (const module of model.modules()) if (module instanceof Observer) await module.settled();
}

/** Makes `observer` watch the output of `module`; it may replace it, as fake quantization does. */
export function attachObserver(module: AnyModule, observer: ObserverOrFakeQuant): void {
  (module as unknown as Observed).activationPostProcess = observer;
  // The hook finds the observer through the module it runs on, so that a clone watches with its own.
  module.registerForwardHook(
    (self: AnyModule, args: Tensor[], output) => {
      const watching = outputObserver(self);
      const watched = watching?.call(output);
      // A stub's output is its input, which is not ours to free.
      const own = args.every(({ storage }) => storage !== output.storage);
      if (watching && own && keepsNothing(watching)) freeIntermediate(output, watched as Tensor);
      return watched;
    },
    { copyOnClone: true, keepsNothing: true },
  );
}

/**
 * Scale and zero point of a module's output, read to the host.
 * @throws QuantizationError if nothing watches the output, or for integers that int8 kernels don't take
 */
export async function readOutputQparams(
  path: string,
  module: AnyModule,
): Promise<{ scale: number; zeroPoint: number }> {
  const observer = outputObserver(module);
  if (!observer) {
    throw new QuantizationError({
      op: 'convert',
      expected: `an observer on ${path}`,
      found: 'none',
      fix: 'Call prepare() or prepareQat() before convert().',
    });
  }
  if (observer.dtype !== 'quint8') {
    throw new QuantizationError({
      op: 'convert',
      expected: `quint8 activations (${path})`,
      found: observer.dtype,
      fix: "Give the activation observer dtype 'quint8': int8 kernels take unsigned activations and signed weights.",
    });
  }
  const { scale, zeroPoint } = await readQparams(observer);
  return { scale: scale[0], zeroPoint: zeroPoint[0] };
}

/** The observer's scale and zero point, read to the host. */
export async function readQparams(
  observer: ObserverOrFakeQuant,
): Promise<{ scale: Float32Array; zeroPoint: Int32Array }> {
  await settleObservers(observer);
  const { scale, zeroPoint } = observer.calculateQparams();
  return { scale: (await scale.data()) as Float32Array, zeroPoint: (await zeroPoint.data()) as Int32Array };
}
