import type { AnyModule } from '@octet/nn/modules';
import { QatConvBn1d } from './conv-bn1d';
import { QatConvBn2d } from './conv-bn2d';
import { QatLinearBn1d } from './linear-bn1d';

const types = [QatConvBn2d, QatConvBn1d, QatLinearBn1d];

/** Batch normalisation uses its running statistics from here on, and leaves them: `model.apply(freezeBnStats)`. */
export function freezeBnStats(module: AnyModule): void {
  for (const type of types) if (module instanceof type) module.freezeBnStats();
}

/** Undoes freezeBnStats. */
export function updateBnStats(module: AnyModule): void {
  for (const type of types) if (module instanceof type) module.updateBnStats();
}
