import { ArgumentError } from '@octet/backend';
import { cat, scaledDotProductAttention, type Tensor } from '@octet/tensor';
import { HostTensor, toHost, toTensor, type Value } from '../../host-tensor';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';
import { intsOf } from './helpers';

/** x [N, T, heads · d] as [N, heads, T, d]; what has four dims stays. */
function inHeads(x: Tensor, heads: number): Tensor {
  if (x.dim === 4) return x;
  const [n, t, width] = x.shape;
  return x.reshape([n, t, heads, width / heads]).permute([0, 2, 1, 3]);
}

/** y [N, heads, T, d] as [N, T, heads · d]. */
function joined(y: Tensor): Tensor {
  const [n, heads, t, d] = y.shape;
  return y.permute([0, 2, 1, 3]).reshape([n, t, heads * d]);
}

/** Each head `times` times over, for queries of more heads than keys. */
function repeatHeads(x: Tensor, times: number): Tensor {
  if (times === 1) return x;
  const [n, heads, t, d] = x.shape;
  return x
    .unsqueeze(2)
    .expand([n, heads, times, t, d])
    .reshape([n, heads * times, t, d]);
}

interface Visibility {
  /** What is added to the scores: -∞ where a key isn't to be seen. */
  readonly bias: HostTensor;
  /** 1 for queries that see a key, 0 for others, whose bias is 0 then; undefined: all do. */
  readonly sees: HostTensor | undefined;
}

/** `mask` [n, heads, q, k] (dims of 1, or in front, may be missing) is added, or says what is seen if it is bool. */
function visibility(
  mask: HostTensor | undefined,
  [n, q, k]: readonly [n: number, q: number, k: number],
  hidden: (n: number, q: number, k: number) => boolean,
): Visibility {
  const shape = mask
    ? [...new Array<number>(Math.max(0, 4 - mask.dim)).fill(1), ...mask.shape]
    : [1, 1, q, k];
  const [, heads, , width] = shape;
  const bias = HostTensor.zeros([n, heads, q, k], 'float32');
  const sees = HostTensor.zeros([n, heads, q, 1], 'float32');
  const masked = (b: number, h: number, r: number, c: number): number => {
    if (!mask) return 0;
    // A mask may end before the keys do: the rest is hidden. One of a single key is for all.
    if (width !== 1 && c >= width) return Number.NEGATIVE_INFINITY;
    const at = [b, h, r, c].map((v, d) => (shape[d] === 1 ? 0 : v));
    const m = mask.data[((at[0] * heads + at[1]) * shape[2] + at[2]) * width + at[3]];
    return mask.dtype === 'bool' ? (m ? 0 : Number.NEGATIVE_INFINITY) : m;
  };
  for (let row = 0; row < sees.numel; row++) {
    const [b, h, r] = [Math.floor(row / (heads * q)), Math.floor(row / q) % heads, row % q];
    const values = bias.data.subarray(row * k, (row + 1) * k);
    for (let c = 0; c < k; c++) values[c] = hidden(b, r, c) ? Number.NEGATIVE_INFINITY : masked(b, h, r, c);
    sees.data[row] = Number(values.some((v) => v !== Number.NEGATIVE_INFINITY));
    if (!sees.data[row]) values.fill(0);
  }
  return { bias, sees: sees.data.every((v) => v === 1) ? undefined : sees };
}

function attention(node: OnnxNode): Operand[] {
  const [causal, softcap, mode] = [
    node.flag('is_causal'),
    node.float('softcap', 0),
    node.int('qk_matmul_output_mode', 0),
  ];
  const [queryHeads, keyHeads, scale] = [
    node.int('q_num_heads', 1),
    node.int('kv_num_heads', 1),
    node.float('scale'),
  ];
  const [left, right] = [node.int('left_window_size', -1), node.int('right_window_size', -1)];
  const wanted = node.outputs.length;
  return node.call(
    ([q0, k0, v0, mask, pastKey, pastValue, lengths], { backend }) => {
      const [q, k, v] = [q0, k0, v0].map((t, i) =>
        inHeads(toTensor(t as Value, backend), i === 0 ? queryHeads : keyHeads),
      );
      const past = pastKey?.shape[2] ?? 0;
      const keys = pastKey ? cat([toTensor(pastKey, backend), k], 2) : k;
      const values = pastValue ? cat([toTensor(pastValue, backend), v], 2) : v;
      const times = q.shape[1] / keys.shape[1];
      if (!Number.isInteger(times)) {
        throw new ArgumentError({
          op: 'Attention',
          expected: 'heads of queries that are a multiple of those of keys',
          found: `${q.shape[1]} and ${keys.shape[1]}`,
          fix: 'Correct q_num_heads and kv_num_heads.',
        });
      }
      const plain = wanted === 1 && !lengths && softcap === 0 && left < 0 && right < 0;
      const inLine = mask
        ? !causal && [1, keys.shape[2]].includes(mask.shape.at(-1) as number)
        : !(causal && past);
      if (plain && inLine && mask?.dtype !== 'uint8') {
        const out = scaledDotProductAttention(q, keys, values, {
          ...(mask ? { attnMask: toTensor(mask, backend) } : { isCausal: causal }),
          ...{ scale, enableGqa: times > 1 },
        });
        return [(q0 as Value).shape.length === 3 ? joined(out) : out];
      }
      const root = Math.sqrt(scale ?? 1 / Math.sqrt(q.shape[3]));
      const raw = q.mul(root).matmul(repeatHeads(keys, times).mul(root).transpose(2, 3));
      const real = lengths && intsOf(lengths);
      const seen = [q.shape[0], q.shape[2], keys.shape[2]] as const;
      const offset = (n: number) => (real ? real[n] - q.shape[2] : past);
      const hidden = (n: number, row: number, key: number) => {
        const place = row + offset(n);
        const beyond = (causal && key > place) || (right >= 0 && key > place + right);
        return beyond || (left >= 0 && key < place - left) || (real !== undefined && key >= real[n]);
      };
      const capped =
        softcap > 0
          ? raw
              .mul(1 / softcap)
              .tanh()
              .mul(softcap)
          : raw;
      const visible =
        mask || causal || left >= 0 || right >= 0 || real
          ? visibility(mask && toHost(mask), seen, hidden)
          : undefined;
      const masked = visible ? capped.add(toTensor(visible.bias, backend)) : capped;
      const all = masked.softmax(3);
      const weights = visible?.sees ? all.mul(toTensor(visible.sees, backend)) : all;
      const y = weights.matmul(repeatHeads(values, times));
      const out = (q0 as Value).shape.length === 3 ? joined(y) : y;
      return [out, keys, values, [raw, capped, masked, weights][mode] ?? raw].slice(0, wanted);
    },
    node.inputs,
    { outputs: wanted, rank: node.input(0).rank, fold: false, host: [6] },
  );
}

/** Pairs of features turned by the angle of their place. */
function rotary(node: OnnxNode): Operand {
  const [interleaved, heads, part] = [
    node.flag('interleaved'),
    node.int('num_heads', 0),
    node.int('rotary_embedding_dim', 0),
  ];
  return node.call1(
    ([x0, cos0, sin0, places], { backend }) => {
      const given = toTensor(x0 as Value, backend);
      const x = inHeads(given, heads || 1);
      const [n, , t, width] = x.shape;
      const turned = part || width;
      const half = turned / 2;
      const rows = (cache: Value): Tensor => {
        if (!places) return toTensor(cache, backend).unsqueeze(1);
        const at = intsOf(places);
        const all = toTensor(cache, backend);
        return cat(
          at.map((p) => all.slice(0, p, p + 1)),
          0,
        ).reshape([n, 1, t, all.shape[1]]);
      };
      const [cos, sin] = [rows(cos0 as Value).slice(3, 0, half), rows(sin0 as Value).slice(3, 0, half)];
      const [a, b] = interleaved
        ? [x.slice(3, 0, turned, 2), x.slice(3, 1, turned, 2)]
        : [x.slice(3, 0, half), x.slice(3, half, turned)];
      const [real, imaginary] = [a.mul(cos).sub(b.mul(sin)), a.mul(sin).add(b.mul(cos))];
      const pair = interleaved
        ? cat([real.unsqueeze(4), imaginary.unsqueeze(4)], 4).reshape([...x.shape.slice(0, 3), turned])
        : cat([real, imaginary], 3);
      const y = turned < width ? cat([pair, x.slice(3, turned, width)], 3) : pair;
      return given.dim === 3 ? y.permute([0, 2, 1, 3]).reshape(given.shape) : y;
    },
    node.inputs,
    { rank: node.input(0).rank, fold: false, host: [3] },
  );
}

/** Refuses inputs that aren't handled, and outputs beyond the first. */
function refuse(node: OnnxNode, inputs: Readonly<Record<number, string>>): void {
  for (const [at, what] of Object.entries(inputs)) if (node.inputs[Number(at)]) node.unsupported(what);
  if (node.outputs.slice(1).some((name) => name !== '')) node.unsupported('states of keys and values');
}

/** Attention by com.microsoft's masks: of keys [N, S], 0 for those left out, and numbers to add to the scores. */
function attend(
  [q, k, v]: readonly Tensor[],
  keys: Tensor | undefined,
  bias: Tensor | undefined,
  { causal, scale }: { causal: boolean; scale: number | undefined },
): Tensor {
  const seen = keys?.to('bool').to('float32').log().reshape([keys.shape[0], 1, 1, keys.shape[1]]);
  const mask = seen && bias ? seen.add(bias) : (seen ?? bias);
  const given = mask ? { attnMask: mask } : { isCausal: causal };
  return joined(scaledDotProductAttention(q, k, v, { scale, ...given }));
}

/** What com.microsoft's two operators have in common; `masks` are their inputs with one. */
function settings(node: OnnxNode, masks: readonly (Operand | undefined)[]) {
  const [heads, scale, causal] = [node.int('num_heads', 1), node.float('scale'), node.flag('unidirectional')];
  // What -infinity stands for here.
  node.float('mask_filter_value', 0);
  if (causal && masks.some((mask) => mask)) node.unsupported('a mask beside unidirectional');
  if (masks[0] && masks[0].rank !== undefined && masks[0].rank !== 2) node.unsupported('such a mask of keys');
  return { heads, scale: scale === 0 ? undefined : scale, causal };
}

/** com.microsoft's: query [N, L, E], key [N, S, E], value [N, S, D], the biases of all three, keys' mask, numbers to add */
function multiHeadAttention(node: OnnxNode): Operand {
  refuse(node, { 6: 'past keys', 7: 'past values', 8: 'the length of the past', 9: 'an index of caches' });
  const [q, k, v, bias, mask, added] = node.inputs;
  if (!k || !v) node.unsupported('queries, keys and values in one tensor');
  const { heads, ...how } = settings(node, [mask, added]);
  return node.call1(
    (args, { backend }) => {
      const [query, key, value, shift, seen, more] = args.map((t) => t && toTensor(t, backend));
      let from = 0;
      const parts = ([query, key, value] as Tensor[]).map((x) => {
        const width = x.shape[2];
        const y = shift ? x.add(shift.slice(0, from, from + width)) : x;
        from += width;
        return inHeads(y, heads);
      });
      return attend(parts, seen, more, how);
    },
    [q, k, v, bias, mask, added],
    { rank: 3, fold: false },
  );
}

/** com.microsoft's: x [N, L, I], weight [I, 3 · E], bias [3 · E], keys' mask, past, numbers to add */
function packedAttention(node: OnnxNode): Operand {
  refuse(node, { 4: 'past keys and values', 6: 'the length of the past' });
  if (node.flag('do_rotary')) node.unsupported('do_rotary');
  if (node.ints('qkv_hidden_sizes')) node.unsupported('qkv_hidden_sizes');
  const [x, weight, bias, mask, , added] = node.inputs;
  const { heads, ...how } = settings(node, [mask, added]);
  return node.call1(
    (args, { backend }) => {
      const [rows, w, shift, seen, more] = args.map((t) => t && toTensor(t, backend));
      const product = (rows as Tensor).matmul(w as Tensor);
      const all = shift ? product.add(shift) : product;
      const width = all.shape[2] / 3;
      const parts = [0, 1, 2].map((i) => inHeads(all.slice(2, i * width, (i + 1) * width), heads));
      return attend(parts, seen, more, how);
    },
    [x, weight, bias, mask, added],
    { rank: 3, fold: false },
  );
}

export const attentionOperators = (): readonly OnnxOperator[] => [
  { op: 'Attention', since: 23, inputs: 3, import: attention },
  { op: 'RotaryEmbedding', since: 23, inputs: 3, import: rotary },
  { op: 'MultiHeadAttention', domain: 'com.microsoft', since: 1, inputs: 1, import: multiHeadAttention },
  { op: 'Attention', domain: 'com.microsoft', since: 1, inputs: 2, import: packedAttention },
];
