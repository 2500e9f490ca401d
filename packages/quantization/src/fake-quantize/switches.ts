/** Switches for a training script: PyTorch's `model.apply(disable_observer)` is `model.apply(disableObserver)`. */
import type { AnyModule } from '@octet/nn/modules';
import { FakeQuantizeBase } from './base';

export function enableObserver(module: AnyModule): void {
  if (module instanceof FakeQuantizeBase) module.enableObserver();
}

/** Keeps scale and zero point as they are. */
export function disableObserver(module: AnyModule): void {
  if (module instanceof FakeQuantizeBase) module.enableObserver(false);
}

export function enableFakeQuant(module: AnyModule): void {
  if (module instanceof FakeQuantizeBase) module.enableFakeQuant();
}

/** Lets values pass in float; observers go on watching. */
export function disableFakeQuant(module: AnyModule): void {
  if (module instanceof FakeQuantizeBase) module.enableFakeQuant(false);
}
