import { tensorsIn } from '@octet/graph';
import type { AnyModule } from '@octet/nn';
import { noGrad, type Tensor } from '@octet/tensor';
import { argumentsOf, type ModelInput } from '../inputs';

/** All outputs of a call, in their order. */
export function outputsOf(model: AnyModule, input: ModelInput): Tensor[] {
  return tensorsIn(noGrad(() => model.call(...argumentsOf(input))));
}
