import type { AttentionAttrs } from '@octet/backend';
import type { Graph, Value } from '../graph/graph';
import type { NodeBuilders, Operand, Output } from './builder';
import { turned } from './products';

export const attention = (): NodeBuilders => ({
  attention: (graph, t, y, attrs) => attend(graph, t, y, attrs),
});

interface Inputs {
  readonly q: Operand;
  readonly k: Operand;
  readonly v: Operand;
  readonly mask?: Operand;
}

/** Products, a softmax between them; a row without keys gives zeros. */
function attend(graph: Graph, { q, k, v, mask }: Inputs, y: Output, attrs: AttentionAttrs): Value {
  const [N, H, L, E] = q.physical;
  const [, G, S, D] = v.physical;
  // Heads of q beside those of k and v that they share.
  const split = (shape: readonly number[], heads: number): number[] => {
    const [n, h, ...rest] = shape;
    return G === H ? [n, h, ...rest] : [n, ...(h === 1 && heads > 1 ? [1, 1] : [h / heads, heads]), ...rest];
  };
  const rows = (value: Value, shape: readonly number[], heads: number): Value => {
    const seen = split(shape, heads);
    // Fewer dims are as good, and leave the size of the batch open.
    return G === H && value.shape.length === seen.length ? value : graph.reshape(value, seen);
  };
  const left = rows(q.value, [N, H, L, E], H / G);
  const right = rows(k.value, [N, G, S, E], 1);
  const values = rows(v.value, [N, G, S, D], 1);
  const scaled = graph.node('Mul', [left, graph.scalar(y.dtype, attrs.scale)], left);
  const like = { shape: split([N, H, L, S], H / G), dtype: y.dtype };
  let scores = graph.node('MatMul', [scaled, turned(graph, right)], like);
  const none = (value: number) => graph.scalar(y.dtype, value);
  if (attrs.causal) {
    const seen = Array.from({ length: L * S }, (_, i) => (i % S <= Math.floor(i / S) ? 1 : 0));
    const below = graph.constant('bool', [L, S], seen);
    scores = graph.node('Where', [below, scores, none(Number.NEGATIVE_INFINITY)], like);
  }
  let out: Value | undefined;
  if (mask) {
    const shaped = graph.reshape(mask.value, split(mask.physical, H / G));
    // Of keys that are all masked the softmax would be no numbers: it gets equal ones, and they count nothing.
    const lowest = none(-3.4028234663852886e38);
    if (mask.value.dtype === 'bool') {
      const weights = graph.node(
        'Softmax',
        [graph.node('Where', [shaped, scores, lowest], like)],
        like,
        last(like),
      );
      out = graph.node('Where', [shaped, weights, none(0)], like);
    } else {
      const sums = graph.node('Max', [graph.node('Add', [scores, shaped], like), lowest], like);
      const weights = graph.node('Softmax', [sums], like, last(like));
      const masked = graph.node(
        'IsInf',
        [shaped],
        { ...shaped, dtype: 'bool' },
        { detect_positive: { int: 0 } },
      );
      out = graph.node('Where', [masked, none(0), weights], like);
    }
  }
  const weights = out ?? graph.node('Softmax', [scores], like, last(like));
  const product = graph.node('MatMul', [weights, values], {
    shape: split([N, H, L, D], H / G),
    dtype: y.dtype,
  });
  return graph.reshape(product, y.shape);
}

function last({ shape }: { readonly shape: readonly number[] }) {
  return { axis: { int: shape.length - 1 } };
}
