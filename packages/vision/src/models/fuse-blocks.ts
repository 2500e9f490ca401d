import type { AnyModule } from '@octet/nn';
import { ConvBNReLU } from './conv-bn-relu';
import { QInvertedResidual } from './q-inverted-residual';

/** Fuses every ConvBNReLU and QInvertedResidual under `model`: what the models' `fuseModel` does. */
export function fuseBlocks(model: AnyModule): void {
  for (const module of model.modules()) {
    if (module instanceof ConvBNReLU || module instanceof QInvertedResidual) module.fuseModel();
  }
}
