import { type AnyModule, Linear, Parameter, skipInit } from '@octet/nn';
import { HostTensor } from '../host-tensor';

/** A host tensor as a module's weight, on the current backend. */
export function parameter(value: HostTensor): Parameter {
  return new Parameter(value.tensor());
}

/** Weights on the host: a scale or a shift of the channels, which are the first dim, goes into them there. */
interface HostWeights {
  weight: HostTensor;
  bias: HostTensor | undefined;
}

const waiting = new WeakMap<AnyModule, HostWeights>();

/**
 * The layer with the weights that it gets when the graph is done (`settle`): nodes behind it may still change them, and it may turn
 * out to be needed by nobody. Its sizes must be those of the weights already.
 */
export function withWeights<L extends AnyModule>(
  layer: L,
  weight: HostTensor,
  bias: HostTensor | undefined,
): L {
  waiting.set(layer, { weight, bias });
  return layer;
}

/** Gives a layer the weights that wait for it, if any do. */
export function settle(layer: AnyModule): void {
  const found = waiting.get(layer);
  if (!found) return;
  waiting.delete(layer);
  const { weight, bias } = found;
  Object.assign(layer, { weight: parameter(weight), bias: bias && parameter(bias) });
}

/** Adds a number for each channel to the bias that waits for a layer. */
export function addBias(layer: AnyModule, numbers: HostTensor): void {
  const found = waiting.get(layer) as HostWeights;
  const { bias } = found;
  found.bias = bias ? perRow(bias, numbers, (b, n) => b + n) : numbers;
}

/** Scales the channels of what waits for a layer by a number for each. */
export function scaleChannels(layer: AnyModule, numbers: HostTensor): void {
  const found = waiting.get(layer) as HostWeights;
  const times = (a: number, n: number) => a * n;
  found.weight = perRow(found.weight, numbers, times);
  found.bias = found.bias && perRow(found.bias, numbers, times);
}

/** f(element, number of its row) of all elements; rows are the first dim. */
function perRow(t: HostTensor, numbers: HostTensor, f: (a: number, n: number) => number): HostTensor {
  const out = HostTensor.zeros(t.shape, 'float32');
  const width = t.numel / t.shape[0];
  for (let i = 0, row = 0; row < t.shape[0]; row++) {
    const n = numbers.data[row];
    for (const end = i + width; i < end; i++) out.data[i] = f(t.data[i], n);
  }
  return out;
}

/** A linear layer of a weight [out, in] and a bias [out]. */
export function linearOf(weight: HostTensor, bias: HostTensor | undefined): Linear {
  const [outFeatures, inFeatures] = weight.shape;
  // Its own weight would only be thrown away: it is made small.
  const layer = skipInit(() => new Linear(1, 1, { bias: false }));
  return withWeights(Object.assign(layer, { outFeatures, inFeatures }), weight, bias);
}
