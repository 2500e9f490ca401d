/** Rows and columns of an image that are taken as they are: by Pad, where they surround it, else by Gather. */
import type { ResampleAttrs } from '@octet/backend';
import type { Graph, Like, Value } from '../graph/graph';
import type { PoolNode } from './pools';
import { asRows } from './rows';

/** The places that are taken along height and width; undefined where numbers are weighted. */
function placesOf(y: Like, { rowIndex, rowWeight, columnIndex, columnWeight }: ResampleAttrs) {
  const [toHeight, toWidth] = y.shape.slice(2);
  const alone = (weight: Float32Array, to: number) => weight.length === to && weight.every((w) => w === 1);
  return alone(rowWeight, toHeight) && alone(columnWeight, toWidth) ? [rowIndex, columnIndex] : undefined;
}

/** ONNX's modes of padding, and the place in a dim of `size` that each takes from outside of it. */
const modes: Readonly<Record<string, (at: number, size: number) => number>> = {
  reflect: (at, size) => (at < 0 ? -at : 2 * (size - 1) - at),
  edge: (at, size) => (at < 0 ? 0 : size - 1),
  wrap: (at, size) => (at + size) % size,
};

/** Before and after a dim of `size`, if the places are it with something around by this mode. */
function around(places: Int32Array, size: number, mode: string): [before: number, after: number] | undefined {
  for (let before = 0; before + size <= places.length; before++) {
    const fits = places.every((place, i) => {
      const at = i - before;
      return place === (at >= 0 && at < size ? at : modes[mode](at, size));
    });
    if (fits) return [before, places.length - size - before];
  }
  return undefined;
}

/** The nodes; undefined for other resampling. */
export function taken(
  graph: Graph,
  x: Value,
  y: Like,
  attrs: ResampleAttrs,
  node: PoolNode,
): Value | undefined {
  const places = placesOf(y, attrs);
  if (!places) return undefined;
  return asRows(graph, x, y, (row, like) => {
    const size = row.shape.slice(2);
    const along = places.slice(-size.length);
    for (const mode of Object.keys(modes)) {
      // The last came with opset 19.
      if (mode === 'wrap' && graph.opset < 19) continue;
      const amounts = along.map((each, d) => around(each, size[d], mode));
      if (amounts.some((each) => !each)) continue;
      const [before, after] = [0, 1].map((end) => [0, 0, ...amounts.map((each) => each?.[end] ?? 0)]);
      return node('Pad', row, like, { mode: { string: mode } }, [graph.ints([...before, ...after])]);
    }
    return along.reduce<Value>((image, each, d) => {
      if (each.length === size[d] && each.every((at, i) => at === i)) return image;
      const shape = image.shape.map((n, i) => (i === d + 2 ? each.length : n));
      const axis = { axis: { int: d + 2 } };
      return node('Gather', image, { ...like, shape }, axis, [graph.ints([...each])]);
    }, row);
  });
}
