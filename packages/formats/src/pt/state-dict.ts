import { ArgumentError } from '@octet/backend';
import { Tensor } from '@octet/tensor/functional';
import { quote } from '../errors';
import type { StateDict } from '../state-dict';
import { PtObject } from './read';

/**
 * What `parsePt` gave, or a part of it, as a state dict: `ptStateDict(parsePt(bytes))`.
 *
 * What PyTorch's int8 modules save packed is unpacked under the names of Octet's: `fc._packed_params._packed_params`, a pair of
 * weight and bias, as `fc.weight` and `fc.bias`; `lstm._all_weight_values.0.param` as `lstm.weight_ih_l0` and so on.
 * `fc._packed_params.dtype`, which only says that the weight is qint8, is left out, and so is the bias, null, of a
 * convolution without one.
 *
 * @throws ArgumentError unless it is an object of tensors
 */
export function ptStateDict(value: unknown): StateDict {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    throw notAState(describe(value));
  const entries = Object.entries(value);
  if (entries.every(([, entry]) => entry instanceof Tensor)) return value as StateDict;
  return Object.fromEntries(entries.flatMap(([key, entry]) => unpacked(key, entry)));
}

function unpacked(key: string, entry: unknown): [key: string, tensor: Tensor][] {
  if (entry instanceof Tensor) return [[key, entry]];
  if (/(^|\.)_packed_params\.dtype$/.test(key) && typeof entry === 'string') return [];
  if (/(^|\.)bias$/.test(key) && entry === null) return [];

  const [ending = '', , layer] =
    /(?<=^|\.)(_packed_params(?:\._packed_params)?|_all_weight_values\.(\d+)\.param)$/.exec(key) ?? [];
  const found = layer === undefined ? ending !== '' && pair(entry) : pairsOfCell(entry);
  if (!found) throw notAState(`${quote(key)}: ${describe(entry)}`);
  const prefix = key.slice(0, key.length - ending.length);
  return found.flatMap(([weight, bias], i) => {
    const suffix = layer === undefined ? '' : `_${['ih', 'hh'][i]}_l${layer}`;
    const tensors: [string, Tensor | null][] = [
      [`${prefix}weight${suffix}`, weight],
      [`${prefix}bias${suffix}`, bias],
    ];
    return tensors.filter((named): named is [string, Tensor] => named[1] !== null);
  });
}

type WeightAndBias = [weight: Tensor, bias: Tensor | null];

/** A linear layer: weight and bias, or the object around them. */
function pair(entry: unknown): WeightAndBias[] | undefined {
  const [weight, bias] = listOf(stateOf(entry));
  if (!(weight instanceof Tensor) || !(bias === null || bias instanceof Tensor)) return undefined;
  return [[weight, bias]];
}

/** A layer of an LSTM: `['quantized_dynamic', biases, …, weights]`. */
function pairsOfCell(entry: unknown): WeightAndBias[] | undefined {
  const [kind, biases, , , weights] = listOf(stateOf(entry));
  const pairs = listOf(weights).flatMap((packed, i) => {
    const [[weight] = []] = pair(packed) ?? [];
    const bias = listOf(biases)[i];
    return weight && bias instanceof Tensor ? [[weight, bias] as WeightAndBias] : [];
  });
  return kind === 'quantized_dynamic' && pairs.length === 2 ? pairs : undefined;
}

/** What an object of TorchScript keeps, `[what, its class]`; of anything else the value itself. */
function stateOf(entry: unknown): unknown {
  return entry instanceof PtObject && entry.type === 'torch.ScriptObject' ? listOf(entry.state)[0] : entry;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function describe(value: unknown): string {
  if (value instanceof PtObject) return `an object of ${quote(value.type)}`;
  return value instanceof Tensor ? 'a tensor' : quote(value);
}

function notAState(found: string): ArgumentError {
  return new ArgumentError({
    op: 'ptStateDict',
    expected: 'an object of tensors',
    found,
    fix: 'Pass the part that is one: of a checkpoint, often checkpoint.model or checkpoint.state_dict.',
  });
}
