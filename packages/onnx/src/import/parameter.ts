import { Parameter } from '@octet/nn';
import type { HostTensor } from '../host-tensor';

/** A host tensor as a module's weight, on the current backend. */
export function parameter(value: HostTensor): Parameter {
  return new Parameter(value.tensor());
}
