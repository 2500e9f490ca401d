import { sameShape } from '@octet/tensor';
import type { Graph, Like, Value } from '../graph/graph';

/**
 * What `make` makes of an image; of one that is a row [N, C, L] seen as [N, C, 1, L], of the row: kernels see rows as images. `sizes` takes
 * those of a list of sizes that count.
 */
export function asRows<L extends Like>(
  graph: Graph,
  x: Value,
  y: L,
  make: (x: Value, y: L, sizes: (list: readonly number[]) => number[]) => Value,
): Value {
  const row = x.node?.op === 'Reshape' ? x.node.inputs[0] : undefined;
  if (!row || !sameShape(x.shape, imageOf(row.shape))) return make(x, y, (list) => [...list]);
  const made = make(row, { ...y, shape: rowOf(y.shape) }, (list) => list.slice(-1));
  return graph.reshape(made, y.shape);
}

function imageOf([n, c, ...size]: readonly number[]): number[] {
  return size.length === 1 ? [n, c, 1, ...size] : [];
}

/** A weight [O, C, 1, k] as [O, C, k]; one of the model under its own name. */
export function rowWeight(graph: Graph, weight: Value): Value {
  const { data, name } = weight.constant ?? {};
  if (!data || !('squeeze' in data)) return graph.reshape(weight, rowOf(weight.shape));
  return graph.once(weight, 'row', () => graph.tensor(data.squeeze(2), `${name}`.replace(/_view$/, '')));
}

/** [N, C, 1, L] without its third size. */
function rowOf([n, c, , length]: readonly number[]): number[] {
  return [n, c, length];
}
