import { GRU, LSTM, skipInit } from '@octet/nn';
import type { HostTensor, Value } from '../../host-tensor';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';
import { parameter } from '../weights';
import { concat } from './views';

/** What differs between the kinds. */
interface Kind {
  readonly Layer: typeof LSTM | typeof GRU;
  /** For each of PyTorch's gates, its place among ONNX's: i, o, f, c for i, f, c, o; z, r, h for r, z, n. */
  readonly gates: readonly number[];
  readonly activations: string;
  /** How many states it has. */
  readonly states: number;
}

const kinds = {
  LSTM: { Layer: LSTM, gates: [0, 2, 3, 1], activations: 'Sigmoid,Tanh,Tanh', states: 2 },
  GRU: { Layer: GRU, gates: [1, 0, 2], activations: 'Sigmoid,Tanh', states: 1 },
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

const imports = (kind: Kind) => (node: OnnxNode) => recurrentLayer(node, kind);

function recurrentLayer(
  node: OnnxNode,
  { Layer, gates: order, activations, states: count }: Kind,
): Operand[] {
  const [x, w, r, b, lengths, h0, c0, peepholes] = Array.from({ length: 8 }, (_, i) => node.inputs[i]) as (
    | Operand
    | undefined
  )[];
  if (!x || !w || !r) throw node.wrong('inputs X, W and R', 'fewer');
  const way = node.string('direction', 'forward');
  if (way !== 'forward' && way !== 'bidirectional') node.unsupported(`direction ${way}`);
  const bidirectional = way === 'bidirectional';
  const ways = bidirectional ? 2 : 1;
  if (lengths) node.unsupported('sequence_lens');
  if (peepholes) node.unsupported('peepholes');
  if (node.has('clip') || node.flag('input_forget')) node.unsupported('clip or input_forget');
  if (Layer === GRU && !node.flag('linear_before_reset')) node.unsupported('linear_before_reset 0');
  const usual = Array.from({ length: ways }, () => activations).join();
  if (node.has('activations') && String(node.strings('activations')) !== usual)
    node.unsupported('other activations');
  const [weight, recurrent] = [w, r].map((o) => node.requireConstant(o, 'weights'));
  const bias = b && node.requireConstant(b, 'a bias');
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
  const layer = skipInit(() => new Layer(inputSize, hidden, options));
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
  const given = [h0, c0].slice(0, count).filter((o) => o !== undefined);
  if (given.length > 0 && given.length < count) node.unsupported('one of initial_h and initial_c');
  const states = given.map((o) => batched(node, o, batchFirst));
  const call = node.layer(layer, [x, ...states], {
    weight: w,
    outputs: 1 + count,
    ...(count > 1 && { tuple: 1 }),
  });
  const [y, ...last] = call;
  const reshaped = node.call1((args) => directions(args[0] as Value, ways, batchFirst), [y], {
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

/** A state [D, N, H] as [N, D, H] and back, where the batch comes first in the file. */
function batched(node: OnnxNode, state: Operand, batchFirst: boolean): Operand {
  if (!batchFirst) return state;
  return node.call1((args) => (args[0] as Value).permute([1, 0, 2]), [state], { op: 'permute', rank: 3 });
}

export const recurrent = (): readonly OnnxOperator[] => [
  { op: 'LSTM', since: 1, inputs: 3, import: imports(kinds.LSTM) },
  { op: 'GRU', since: 1, inputs: 3, import: imports(kinds.GRU) },
];
