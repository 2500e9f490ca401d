import { type AnyModule, Linear, Parameter, skipInit } from '@octet/nn';
import { HostTensor } from '../host-tensor';
import { hostBinary } from './operators/helpers';
import { discard, isOurs } from './tensors';

/** A host tensor as a module's weight, on the current backend. */
export function parameter(value: HostTensor): Parameter {
  return new Parameter(value.tensor());
}

/** Weights on the host: a scale or a shift of the channels, which are the first dim, goes into them there. */
interface HostWeights {
  readonly weight: HostTensor;
  /** Whether nothing else reads them. */
  readonly alone: boolean;
  bias: HostTensor | undefined;
  /** What each channel of the weight is yet to be multiplied by. */
  scales: HostTensor | undefined;
}

const waiting = new WeakMap<AnyModule, HostWeights>();

/** Layers whose weights are integers times scales that are known elsewhere too. */
const unscalable = new WeakSet<AnyModule>();

/** The channels of this layer's weight can't be scaled. */
export function keepScales(layer: AnyModule): void {
  unscalable.add(layer);
}

/**
 * The layer with the weights that it gets when the graph is done (`settle`): nodes behind it may still change them, and it may turn
 * out to be needed by nobody. Its sizes must be those of the weights already. `alone`: nothing else reads the weight.
 */
export function withWeights<L extends AnyModule>(
  layer: L,
  weight: HostTensor,
  bias: HostTensor | undefined,
  alone = false,
): L {
  waiting.set(layer, { weight, alone, bias, scales: undefined });
  return layer;
}

/** Gives a layer the weights that wait for it, if any do. */
export function settle(layer: AnyModule): void {
  const found = waiting.get(layer);
  if (!found) return;
  waiting.delete(layer);
  const { weight, alone, bias, scales } = found;
  const scaled = scales ? scaledRows(weight, scales, alone && isOurs(weight)) : weight;
  Object.assign(layer, { weight: parameter(scaled), ...(bias && { bias: parameter(bias) }) });
  if (alone) discard(weight);
}

/** Adds a number for each channel to the bias that waits for a layer; true. */
export function addBias(layer: AnyModule, numbers: HostTensor): boolean {
  const found = waiting.get(layer) as HostWeights;
  const { bias } = found;
  found.bias = bias ? hostBinary(bias, numbers, 'float32', (b, n) => b + n) : numbers;
  return true;
}

/** Scales the channels of what waits for a layer by a number for each; false if they must stay as they are. */
export function scaleChannels(layer: AnyModule, numbers: HostTensor): boolean {
  if (unscalable.has(layer)) return false;
  const found = waiting.get(layer) as HostWeights;
  const times = (t: HostTensor) => hostBinary(t, numbers, 'float32', (a, n) => a * n);
  found.scales = found.scales ? times(found.scales) : numbers;
  found.bias = found.bias && times(found.bias);
  return true;
}

/** Each row times its number; rows are the first dim. */
function scaledRows(t: HostTensor, numbers: HostTensor, inPlace: boolean): HostTensor {
  const out = inPlace ? t : HostTensor.zeros(t.shape, 'float32');
  const width = t.numel / t.shape[0];
  for (let row = 0; row < t.shape[0]; row++) {
    const n = numbers.data[row];
    for (let i = row * width; i < (row + 1) * width; i++) out.data[i] = t.data[i] * n;
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
