import { GRU, LSTM, RNN, type RNNOptions, skipInit } from '@octet/nn';
import type { HostTensor, Value } from '../../host-tensor';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';
import { parameter } from '../weights';
import { onBackend } from './helpers';
import { gated, longShortTerm, plain, type Recurrence, stepwise } from './recurrent-steps';
import { concat } from './views';

/** What differs between the kinds. */
interface Kind {
  /** A layer of PyTorch's semantics, for activations that it has. */
  readonly layer: (
    inputSize: number,
    hidden: number,
    options: RNNOptions,
    activation: string,
  ) => LSTM | GRU | RNN;
  /** For each of PyTorch's gates, its place among ONNX's: i, o, f, c for i, f, c, o; z, r, h for r, z, n. */
  readonly gates: readonly number[];
  /** For one direction. */
  readonly activations: readonly string[];
  readonly formula: Recurrence;
}

const kinds = {
  LSTM: {
    layer: (i, h, options) => new LSTM(i, h, options),
    gates: [0, 2, 3, 1],
    activations: ['Sigmoid,Tanh,Tanh'],
    formula: longShortTerm,
  },
  GRU: {
    layer: (i, h, options) => new GRU(i, h, options),
    gates: [1, 0, 2],
    activations: ['Sigmoid,Tanh'],
    formula: gated,
  },
  RNN: {
    layer: (i, h, options, activation) =>
      new RNN(i, h, { ...options, nonlinearity: activation === 'Relu' ? 'relu' : 'tanh' }),
    gates: [0],
    activations: ['Tanh', 'Relu'],
    formula: plain,
  },
} satisfies Record<string, Kind>;

function torchOrder(w: HostTensor, gates: readonly number[]): HostTensor {
  const h = w.shape[0] / gates.length;
  return concat(
    gates.map((k) => w.slice(0, k * h, (k + 1) * h)),
    0,
  ) as HostTensor;
}

/** One direction of a constant [directions, …], without that dim. */
function direction(t: HostTensor, d: number): HostTensor {
  return t.slice(0, d, d + 1).reshape(t.shape.slice(1));
}

const imports = (kind: Kind) => (node: OnnxNode) => {
  const way = node.string('direction', 'forward');
  if (!['forward', 'reverse', 'bidirectional'].includes(way))
    node.unsupported(`direction ${way.slice(0, 80)}`);
  return recurrentLayer(node, kind, way) ?? steps(node, kind.formula, way);
};

/** Step by step: what no layer of nn does. */
function steps(node: OnnxNode, formula: Recurrence, way: string): Operand[] {
  return node.call(stepwise(node, formula, way), node.inputs, {
    outputs: 1 + formula.states,
    rank: 4,
    fold: false,
  });
}

/** The activation of a layer that does what the attributes say, for the first of its gates; undefined if none does. */
function activationOf(node: OnnxNode, kind: Kind, ways: number): string | undefined {
  // Those that they have take no such numbers.
  for (const name of ['activation_alpha', 'activation_beta']) node.has(name);
  const special = node.has('clip') || node.flag('input_forget');
  if (special || (kind.formula === gated && !node.flag('linear_before_reset'))) return undefined;
  const given = node.strings('activations') ?? Array.from({ length: ways }, () => kind.activations[0]);
  return kind.activations.find((one) => String(given) === Array.from({ length: ways }, () => one).join());
}

function recurrentLayer(node: OnnxNode, kind: Kind, way: string): Operand[] | undefined {
  const { gates: order } = kind;
  const count = kind.formula.states;
  const [x, w, r, b, lengths, h0, c0, peepholes] = Array.from({ length: 8 }, (_, i) => node.inputs[i]) as (
    | Operand
    | undefined
  )[];
  if (!x || !w || !r) throw node.wrong('inputs X, W and R', 'fewer');
  const bidirectional = way === 'bidirectional';
  const ways = bidirectional ? 2 : 1;
  const activation = activationOf(node, kind, ways);
  const given = [h0, c0].slice(0, count).filter((o) => o !== undefined);
  const partly = given.length > 0 && given.length < count;
  if (lengths || peepholes || partly || activation === undefined) return undefined;
  const [weight, recurrent, bias] = [w.constant, r.constant, b?.constant];
  if (!weight || !recurrent || (b && !bias)) return undefined;
  const [, gates, inputSize] = weight.shape;
  const hidden = gates / order.length;
  const fits =
    weight.dim === 3 &&
    weight.shape[0] === ways &&
    String(recurrent.shape) === `${ways},${gates},${hidden}` &&
    (!bias || bias.numel === 2 * gates * ways);
  if (!fits || !Number.isInteger(hidden) || hidden < 1) {
    const rows = `${order.length}·hidden`;
    throw node.wrong(
      `weights [${ways}, ${rows}, input] and [${ways}, ${rows}, hidden]`,
      `[${weight.shape}] and [${recurrent.shape}]`,
    );
  }
  const batchFirst = node.flag('layout');
  const options = { bias: bias !== undefined, batchFirst, bidirectional };
  const layer = skipInit(() => kind.layer(inputSize, hidden, options, activation));
  for (let d = 0; d < ways; d++) {
    const end = d === 0 ? 'L0' : 'L0Reverse';
    Object.assign(layer, {
      [`weightIh${end}`]: parameter(torchOrder(direction(weight, d), order)),
      [`weightHh${end}`]: parameter(torchOrder(direction(recurrent, d), order)),
    });
    if (!bias) continue;
    const both = bias
      .reshape([ways, 2 * gates])
      .slice(0, d, d + 1)
      .reshape([2 * gates]);
    Object.assign(layer, {
      [`biasIh${end}`]: parameter(torchOrder(both.slice(0, 0, gates), order)),
      [`biasHh${end}`]: parameter(torchOrder(both.slice(0, gates, 2 * gates), order)),
    });
  }
  const states = given.map((o) => batched(node, o, batchFirst));
  const turn = (operand: Operand) => (way === 'reverse' ? reversed(node, operand, batchFirst) : operand);
  const call = node.layer(layer, [turn(x), ...states], {
    weight: w,
    rank: 3,
    outputs: 1 + count,
    ...(count > 1 && { tuple: 1 }),
  });
  const [y, ...last] = call;
  const reshaped = node.call1((args) => directions(args[0] as Value, ways, batchFirst), [turn(y)], {
    op: 'unsqueeze',
    rank: 4,
  });
  return [reshaped, ...last.map((state) => batched(node, state, batchFirst))];
}

/** [T, N, D·H] → [T, D, N, H]; batch first [N, T, D·H] → [N, T, D, H]. */
function directions(y: Value, ways: number, batchFirst: boolean): Value {
  const [a, b, width] = y.shape;
  const apart = y.reshape([a, b, ways, width / ways]);
  return batchFirst ? apart : apart.permute([0, 2, 1, 3]);
}

/** The steps of [T, N, …], or of [N, T, …], from the last to the first. */
function reversed(node: OnnxNode, x: Operand, batchFirst: boolean): Operand {
  const flip = onBackend((t) => t.flip(batchFirst ? 1 : 0));
  return node.call1(flip, [x], { op: 'flip', rank: 3 });
}

/** A state [D, N, H] as [N, D, H] and back, where the batch comes first in the file. */
function batched(node: OnnxNode, state: Operand, batchFirst: boolean): Operand {
  if (!batchFirst) return state;
  return node.call1((args) => (args[0] as Value).permute([1, 0, 2]), [state], { op: 'permute', rank: 3 });
}

export const recurrent = (): readonly OnnxOperator[] => [
  { op: 'LSTM', since: 1, inputs: 3, import: imports(kinds.LSTM) },
  { op: 'GRU', since: 1, inputs: 3, import: imports(kinds.GRU) },
  { op: 'RNN', since: 1, inputs: 3, import: imports(kinds.RNN) },
];
