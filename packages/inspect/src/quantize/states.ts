import { ArgumentError } from '@octet/backend';
import { GRU, LSTM } from '@octet/nn';
import type { GraphNode, Slot } from '@octet/nn/graph';
import type { Tensor } from '@octet/tensor';
import { argumentsOf, type ModelInput } from '../inputs';
import { outputsOf } from './outputs';
import type { AnyGraph } from './simulation';

/** Which inputs of a call are outputs of the call before: places of inputs, and of outputs. */
export type States = ReadonlyMap<number, number>;

/**
 * The states of a model: those that are given, by names of inputs and outputs; else, of a model with recurrent layers, inputs that only begin
 * such a layer with the outputs that it ends with, and outputs that are called as an input is, with `N`, `_n`, `_out`, `_new` or
 * `_next` behind it. Both have one shape.
 *
 * @throws ArgumentError for a name that the model lacks
 */
export function statesOf(
  model: AnyGraph,
  given: Readonly<Record<string, string>> | undefined,
  example: ModelInput,
): States {
  if (given) return named(model, given);
  if (!model.modules().some((m) => m instanceof LSTM || m instanceof GRU)) return new Map();
  const outputs = outputsOf(model, example).map(({ shape }) => shape.join());
  const inputs = argumentsOf(example).map((t) => (t as Tensor).shape?.join());
  const begin = model.graph.inputs.map(({ slot }) => beginsRecurrence(model, slot));
  const end = model.graph.outputs.map(({ slot }) => endsRecurrence(model, slot));
  const states = new Map<number, number>();
  for (const [i, name] of model.inputNames.entries()) {
    const free = model.outputNames.flatMap((_, o) =>
      outputs[o] === inputs[i] && ![...states.values()].includes(o) ? [o] : [],
    );
    const same = free.filter((o) => isNext(name, model.outputNames[o]));
    // Of a single step, the last state is what the layer gives, too.
    const ending = (how: Ending) => (begin[i] ? free.filter((o) => end[o] === how) : []);
    const found = [same, ending('state'), ending('output')].find(({ length }) => length > 0) ?? [];
    if (found.length === 1) states.set(i, found[0]);
  }
  return states;
}

function named(model: AnyGraph, given: Readonly<Record<string, string>>): States {
  const at = (names: readonly string[], name: string, what: string) => {
    const found = names.indexOf(name);
    if (found >= 0) return found;
    throw new ArgumentError({
      op: 'quantize',
      expected: `states to name ${what}s of the model`,
      found: `'${name}'`,
      fix: `It has ${names.join(', ')}.`,
    });
  };
  return new Map(
    Object.entries(given).map(([input, output]) => [
      at(model.inputNames, input, 'input'),
      at(model.outputNames, output, 'output'),
    ]),
  );
}

function isNext(input: string, output: string): boolean {
  return output.startsWith(input) && /^(_?n|_out|_new|_next)$/i.test(output.slice(input.length));
}

/** Functions that move numbers, and don't change them. */
const moving = /^(Reshape|Flatten|Transpose|Squeeze|Unsqueeze|Slice|Split|Gather|Concat|Identity)$/i;

function isRecurrent(model: AnyGraph, { target }: GraphNode): boolean {
  if (typeof target !== 'string') return false;
  const layer = model.getSubmodule(target);
  return layer instanceof LSTM || layer instanceof GRU;
}

/** Whether all that reads a value are first states of recurrent layers. */
function beginsRecurrence(model: AnyGraph, slot: Slot): boolean {
  const readers = model.graph.nodes.filter(({ inputs }) => inputs.includes(slot));
  return (
    readers.length > 0 &&
    readers.every((node) =>
      isRecurrent(model, node)
        ? node.inputs[0] !== slot
        : moving.test(node.op) && node.outputs.every((out) => beginsRecurrence(model, out)),
    )
  );
}

type Ending = 'state' | 'output' | undefined;

/** Whether a value consists of last states of recurrent layers, or of outputs, too. */
function endsRecurrence(model: AnyGraph, slot: Slot): Ending {
  const maker = model.graph.nodes.find(({ outputs }) => outputs.includes(slot));
  if (!maker) return undefined;
  if (isRecurrent(model, maker)) return maker.outputs[0] === slot ? 'output' : 'state';
  const parts = maker.inputs.filter(
    (input): input is Slot => input !== undefined && !model.graph.constants.has(input),
  );
  if (!moving.test(maker.op) || parts.length === 0) return undefined;
  const data = /^Concat$/i.test(maker.op) ? parts : parts.slice(0, 1);
  const ends = data.map((part) => endsRecurrence(model, part));
  return ends.includes(undefined) ? undefined : ends.includes('output') ? 'output' : 'state';
}

/** What a model gives for one input after another, with its own states from the second on. */
export function* running(
  model: AnyGraph,
  inputs: readonly ModelInput[],
  states: States,
): Generator<{ readonly input: ModelInput; readonly outputs: Tensor[] }> {
  let before: Tensor[] | undefined;
  for (const given of inputs) {
    const input = before && states.size > 0 ? withStates(given, before, states) : given;
    const outputs = outputsOf(model, input);
    yield { input, outputs };
    before = outputs;
  }
}

function withStates(input: ModelInput, before: readonly Tensor[], states: States): ModelInput {
  const args = [...argumentsOf(input)];
  for (const [i, o] of states) args[i] = before[o];
  return args;
}
