import { LSTM, skipInit } from '@octet/nn';
import type { HostTensor, Value } from '../../host-tensor';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';
import { parameter } from '../weights';
import { concat } from './views';

/** ONNX's gates are i, o, f, c; PyTorch's i, f, c, o. */
function torchOrder(w: HostTensor): HostTensor {
  const h = w.shape[0] / 4;
  const part = (k: number) => w.slice(0, k * h, (k + 1) * h);
  return concat([part(0), part(2), part(3), part(1)], 0) as HostTensor;
}

/** One direction of a constant [directions, …], without that dim. */
function first(t: HostTensor): HostTensor {
  return t.slice(0, 0, 1).reshape(t.shape.slice(1));
}

function lstm(node: OnnxNode): Operand[] {
  const [x, w, r, b, lengths, h0, c0, peepholes] = Array.from({ length: 8 }, (_, i) => node.inputs[i]) as (
    | Operand
    | undefined
  )[];
  if (!x || !w || !r) throw node.wrong('inputs X, W and R', 'fewer');
  const direction = node.string('direction', 'forward');
  if (direction !== 'forward') node.unsupported(`direction ${direction}`);
  if (lengths) node.unsupported('sequence_lens');
  if (peepholes) node.unsupported('peepholes');
  if (node.has('clip') || node.flag('input_forget')) node.unsupported('clip or input_forget');
  if (node.has('activations') && String(node.strings('activations')) !== 'Sigmoid,Tanh,Tanh')
    node.unsupported('other activations');
  const [weight, recurrent] = [w, r].map((o) => node.requireConstant(o, 'weights'));
  const bias = b && node.requireConstant(b, 'a bias');
  const [, gates, inputSize] = weight.shape;
  const hidden = gates / 4;
  const fits =
    weight.dim === 3 &&
    String(recurrent.shape) === `1,${gates},${hidden}` &&
    (!bias || bias.numel === 2 * gates);
  if (!fits || !Number.isInteger(hidden) || hidden < 1)
    throw node.wrong(
      'weights [1, 4·hidden, input] and [1, 4·hidden, hidden]',
      `[${weight.shape}] and [${recurrent.shape}]`,
    );
  const batchFirst = node.flag('layout');
  const layer = skipInit(() => new LSTM(inputSize, hidden, { bias: bias !== undefined, batchFirst }));
  Object.assign(layer, {
    weightIhL0: parameter(torchOrder(first(weight))),
    weightHhL0: parameter(torchOrder(first(recurrent))),
  });
  if (bias) {
    const both = bias.reshape([2 * gates]);
    Object.assign(layer, {
      biasIhL0: parameter(torchOrder(both.slice(0, 0, gates))),
      biasHhL0: parameter(torchOrder(both.slice(0, gates, 2 * gates))),
    });
  }
  if ((h0 === undefined) !== (c0 === undefined)) node.unsupported('one of initial_h and initial_c');
  const states = [h0, c0].filter((o) => o !== undefined).map((o) => batched(node, o, batchFirst));
  const call = node.layer(layer, [x, ...states], { weight: w, outputs: 3, tuple: 1 });
  const [y, h, c] = call;
  const reshaped = node.call1((args) => directions(args[0] as Value, batchFirst), [y], {
    op: 'unsqueeze',
    rank: 4,
  });
  return [reshaped, batched(node, h, batchFirst), batched(node, c, batchFirst)];
}

/** [T, N, H] → [T, 1, N, H]; batch first [N, T, H] → [N, T, 1, H]. */
function directions(y: Value, batchFirst: boolean): Value {
  const [a, b, h] = y.shape;
  return y.reshape(batchFirst ? [a, b, 1, h] : [a, 1, b, h]);
}

/** A state [1, N, H] as [N, 1, H] and back, where the batch comes first in the file. */
function batched(node: OnnxNode, state: Operand, batchFirst: boolean): Operand {
  if (!batchFirst) return state;
  return node.call1((args) => (args[0] as Value).permute([1, 0, 2]), [state], { op: 'permute', rank: 3 });
}

export const recurrent = (): readonly OnnxOperator[] => [{ op: 'LSTM', since: 1, inputs: 3, import: lstm }];
