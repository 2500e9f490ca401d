import { ArgumentError } from '@octet/backend';
import {
  elu,
  leakyRelu,
  linear,
  softplus,
  softsign,
  stack,
  type Tensor,
  threshold,
  zeros,
} from '@octet/tensor';
import type { GraphFunction } from '../../graph-module';
import { toTensor } from '../../host-tensor';
import type { OnnxNode } from '../node';

/** A function of the gates or of the state. */
type Activation = (x: Tensor) => Tensor;

/** ONNX's, with what alpha and beta are unless given; undefined where a function has none. */
const activations: Readonly<
  Record<string, { alpha?: number; beta?: number; make(alpha: number, beta: number): Activation }>
> = {
  Relu: { make: () => (x) => x.relu() },
  Tanh: { make: () => (x) => x.tanh() },
  Sigmoid: { make: () => (x) => x.sigmoid() },
  Affine: { alpha: 1, beta: 0, make: (alpha, beta) => (x) => x.affine(alpha, beta) },
  LeakyRelu: { alpha: 0.01, make: (alpha) => (x) => leakyRelu(x, alpha) },
  ThresholdedRelu: { alpha: 1, make: (alpha) => (x) => threshold(x, alpha, 0) },
  ScaledTanh: { alpha: 1, beta: 1, make: (alpha, beta) => (x) => x.mul(beta).tanh().mul(alpha) },
  HardSigmoid: { alpha: 0.2, beta: 0.5, make: (alpha, beta) => (x) => x.affine(alpha, beta).clamp(0, 1) },
  Elu: { alpha: 1, make: (alpha) => (x) => elu(x, alpha) },
  Softsign: { make: () => softsign },
  Softplus: { make: () => (x) => softplus(x) },
};

/** The functions of each direction, as the attributes name them; `usual` unless they do. */
export function activationsOf(node: OnnxNode, usual: readonly string[], ways: number): Activation[][] {
  const names = node.strings('activations') ?? Array.from({ length: ways }, () => usual).flat();
  if (names.length !== usual.length * ways)
    throw node.wrong(`${usual.length * ways} activations`, String(names.length));
  // Each takes the next of these, if it has such a number.
  const [alphas, betas] = [
    [...(node.floats('activation_alpha') ?? [])],
    [...(node.floats('activation_beta') ?? [])],
  ];
  const known = new Map(Object.entries(activations).map(([name, row]) => [name.toLowerCase(), row]));
  const all = names.map((name) => {
    const row = known.get(name.toLowerCase()) ?? node.unsupported(`activation ${name.slice(0, 80)}`);
    const alpha = row.alpha === undefined ? 0 : (alphas.shift() ?? row.alpha);
    return row.make(alpha, row.beta === undefined ? 0 : (betas.shift() ?? row.beta));
  });
  return Array.from({ length: ways }, (_, d) => all.slice(d * usual.length, (d + 1) * usual.length));
}

/** What one step of one direction has. */
interface Step {
  /** The inputs' share of the gates, with both biases where they are only added: [N, G·H]. */
  readonly x: Tensor;
  /** [G·H, H] */
  readonly r: Tensor;
  /** The state's biases [G·H], of kinds that do more than add them. */
  readonly rb: Tensor | undefined;
  /** [3·H] */
  readonly peepholes: Tensor | undefined;
  readonly state: readonly Tensor[];
  readonly functions: readonly Activation[];
  readonly clip: Activation;
}

/** A kind of recurrent operator: its formula, as ONNX has it. */
export interface Recurrence {
  readonly gates: number;
  readonly states: number;
  readonly activations: readonly string[];
  /** The next state, the output first. */
  make(node: OnnxNode): { readonly apart: boolean; step(now: Step): Tensor[] };
}

/** `count` parts of [N, count·H] or [count·H]. */
function parts(x: Tensor, count: number): Tensor[] {
  return x.chunk(count, -1);
}

/** h = f(x + h · Rᵀ) */
export const plain: Recurrence = {
  ...{ gates: 1, states: 1, activations: ['Tanh'] },
  make: () => ({
    apart: false,
    step: ({ x, r, state: [h], functions: [f], clip }) => [f(clip(x.add(linear(h, r))))],
  }),
};

/** i, o, f, c in ONNX's order: c = f · c + i · c̃, h = o · h(c). */
export const longShortTerm: Recurrence = {
  ...{ gates: 4, states: 2, activations: ['Sigmoid', 'Tanh', 'Tanh'] },
  make(node) {
    const coupled = node.flag('input_forget');
    return {
      apart: false,
      step({ x, r, peepholes, state: [h, c], functions: [f, g, last], clip }) {
        const [gi, go, gf, gc] = parts(x.add(linear(h, r)), 4);
        const [pi, po, pf] = peepholes ? parts(peepholes, 3) : [];
        const looking = (gate: Tensor, p: Tensor | undefined, at: Tensor) => (p ? gate.add(at.mul(p)) : gate);
        const i = f(clip(looking(gi, pi, c)));
        const forget = coupled ? i.affine(-1, 1) : f(clip(looking(gf, pf, c)));
        const next = forget.mul(c).add(i.mul(g(clip(gc))));
        const o = f(clip(looking(go, po, next)));
        return [o.mul(last(next)), next];
      },
    };
  },
};

/** z, r, h in ONNX's order: h = (1 - z) · h̃ + z · h. */
export const gated: Recurrence = {
  ...{ gates: 3, states: 1, activations: ['Sigmoid', 'Tanh'] },
  make(node) {
    const linearFirst = node.flag('linear_before_reset');
    return {
      apart: true,
      step({ x, r, rb, state: [h], functions: [f, g], clip }) {
        const [xz, xr, xh] = parts(x, 3);
        const size = h.shape[1];
        const of = (from: number, to: number, state: Tensor) =>
          linear(state, r.slice(0, from * size, to * size), rb?.slice(0, from * size, to * size));
        const [hz, hr] = parts(of(0, 2, h), 2);
        const z = f(clip(xz.add(hz)));
        const reset = f(clip(xr.add(hr)));
        const inner = linearFirst ? reset.mul(of(2, 3, h)) : of(2, 3, reset.mul(h));
        const n = g(clip(xh.add(inner)));
        return [n.add(z.mul(h.sub(n)))];
      },
    };
  },
};

/**
 * An operator of this kind as ONNX defines it, step by step, with everything that layers of nn don't have: lengths, peepholes,
 * clips, other activations, weights known only when it runs. The operands are the operator's.
 */
export function stepwise(node: OnnxNode, kind: Recurrence, direction: string): GraphFunction {
  const ways = direction === 'bidirectional' ? 2 : 1;
  const functions = activationsOf(node, kind.activations, ways);
  const most = node.float('clip');
  const clip: Activation = most === undefined ? (x) => x : (x) => x.clamp(-most, most);
  const batchFirst = node.flag('layout');
  const { apart, step } = kind.make(node);
  return (args, { backend }) => {
    const [given, w, r, b, lengths, ...rest] = args.map((a) => a && toTensor(a, backend)) as [
      ...[Tensor, Tensor, Tensor],
      ...(Tensor | undefined)[],
    ];
    const hidden = r.shape[2] ?? 0;
    const rows = kind.gates * hidden;
    const fits =
      given.dim === 3 &&
      given.numel > 0 &&
      hidden > 0 &&
      String(w.shape) === `${ways},${rows},${given.shape[2]}` &&
      String(r.shape) === `${ways},${rows},${hidden}` &&
      (!b || String(b.shape) === `${ways},${2 * rows}`);
    if (!fits) {
      throw new ArgumentError({
        op: node.op,
        expected: `X [T, N, I], W [${ways}, ${kind.gates}·H, I], R [${ways}, ${kind.gates}·H, H] and B [${ways}, ${2 * kind.gates}·H]`,
        found: [given, w, r, b].map((t) => `[${t?.shape ?? 'none'}]`).join(', '),
        fix: 'Check the weights of the file, and the sizes of the inputs.',
      });
    }
    const turned = (t: Tensor) => (batchFirst ? t.transpose(0, 1) : t);
    const x = turned(given);
    const [times, batch] = x.shape;
    const outputs: Tensor[] = [];
    const ends: Tensor[][] = Array.from({ length: kind.states }, () => []);
    for (let d = 0; d < ways; d++) {
      const biases = b && parts(b.select(0, d), 2);
      const added = biases && !apart ? biases[0].add(biases[1]) : biases?.[0];
      const inputs = linear(x, w.select(0, d), added);
      let state = Array.from({ length: kind.states }, (_, k) => {
        const initial = rest[k];
        return initial ? turned(initial).select(0, d) : zeros([batch, hidden], { backend });
      });
      const steps = new Array<Tensor>(times);
      const back = direction === 'reverse' || d === 1;
      for (let k = 0; k < times; k++) {
        const t = back ? times - 1 - k : k;
        const next = step({
          x: inputs.select(0, t),
          r: r.select(0, d),
          rb: apart ? biases?.[1] : undefined,
          peepholes: rest[2]?.select(0, d),
          state,
          functions: functions[d],
          clip,
        });
        const going = lengths?.gt(t).reshape([batch, 1]);
        steps[t] = going ? next[0].where(going, 0) : next[0];
        state = going ? next.map((s, i) => s.where(going, state[i])) : next;
      }
      outputs.push(stack(steps, 0));
      for (const [k, end] of ends.entries()) end.push(state[k]);
    }
    const y = stack(outputs, 1);
    return [batchFirst ? y.permute([2, 0, 1, 3]) : y, ...ends.map((end) => turned(stack(end, 0)))];
  };
}
