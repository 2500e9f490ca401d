import { Linear, Parameter, skipInit } from '@octet/nn';
import type { HostTensor } from '../host-tensor';

/** A host tensor as a module's weight, on the current backend. */
export function parameter(value: HostTensor): Parameter {
  return new Parameter(value.tensor());
}

/** A linear layer of a weight [out, in] and a bias [out]. */
export function linearOf(weight: HostTensor, bias: HostTensor | undefined): Linear {
  const [outFeatures, inFeatures] = weight.shape;
  // Its own weight would only be thrown away: it is made small.
  const layer = skipInit(() => new Linear(1, 1, { bias: false }));
  return Object.assign(layer, {
    ...{ outFeatures, inFeatures, weight: parameter(weight) },
    bias: bias && parameter(bias),
  });
}
