import type { AnyModule } from '@octet/nn/modules';
import { QatConvBn1d } from './conv-bn1d';
import { QatConvBn2d } from './conv-bn2d';

/** Batch normalisation uses its running statistics from here on, and leaves them: `model.apply(freezeBnStats)`. */
export function freezeBnStats(module: AnyModule): void {
  if (module instanceof QatConvBn2d || module instanceof QatConvBn1d) module.freezeBnStats();
}

/** Undoes freezeBnStats. */
export function updateBnStats(module: AnyModule): void {
  if (module instanceof QatConvBn2d || module instanceof QatConvBn1d) module.updateBnStats();
}
