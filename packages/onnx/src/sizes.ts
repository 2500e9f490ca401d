/** Which sizes of a model's inputs stay open in a file, and inputs to trace it on. */
import { ArgumentError, OctetError } from '@octet/backend';
import { cat, type Tensor } from '@octet/tensor';
import { OnnxExportError } from './errors';
import { forAnySize, type OfAnySize, type OpenSize } from './graph/any-size';
import type { Graph } from './graph/graph';

/** For each input, the names of its dims that vary. */
export type OpenDims = readonly (readonly (string | undefined)[])[];

/** What a `GraphModule` says of its inputs, of which the shapes count. */
export type NamedShapes = readonly { readonly shape?: readonly (number | string)[] | undefined }[];

/** The sizes that a graph's inputs name. Nameless ones (`?`) are the same where the example's are. */
export function namedDims(shapes: NamedShapes, inputs: readonly Tensor[]): OpenDims {
  return inputs.map((t, i) =>
    t.shape.map((size, d) => {
      const name = shapes[i]?.shape?.[d];
      if (typeof name !== 'string') return undefined;
      return name === '?' || name === '' ? `size_${size}` : name;
    }),
  );
}

type Trace = (inputs: readonly Tensor[]) => Promise<Graph>;

/**
 * The graph of a model for inputs of any size along `dims`, traced twice: at sizes that are small where strides of up to 64 leave them whole,
 * else at multiples of the example's.
 * @throws OnnxExportError where a size is part of a constant or an attribute; and what the model throws at these sizes
 */
export async function traceOpen(trace: Trace, inputs: readonly Tensor[], dims: OpenDims): Promise<OfAnySize> {
  try {
    return await traceTwice(trace, inputs, dims, smallest);
  } catch (error) {
    const isSmaller = inputs.some((t, i) =>
      t.shape.some((n, d) => dims[i][d] !== undefined && smallest(n) < n),
    );
    if (error instanceof OnnxExportError || !(error instanceof OctetError) || !isSmaller) throw error;
    // Too small for a window, perhaps.
    return traceTwice(trace, inputs, dims, (size) => size);
  }
}

/** The largest power of two up to 64 that divides a size, if it is at least 32; the size itself if not. */
function smallest(size: number): number {
  const power = [64, 32].find((n) => size % n === 0);
  return power ?? size;
}

async function traceTwice(
  trace: Trace,
  inputs: readonly Tensor[],
  dims: OpenDims,
  least: (size: number) => number,
): Promise<OfAnySize> {
  const sizes: OpenSize[] = [];
  inputs.forEach((t, i) => {
    t.shape.forEach((size, d) => {
      const name = dims[i][d];
      if (name === undefined || sizes.some((s) => s.name === name)) return;
      // Never 1: a dim of one element looks like none.
      const first = size === 1 ? 2 : least(size);
      const step = size === 1 ? 1 : first;
      // Each grows by a factor of its own, which tells its parts and multiples from those of others.
      let second = first + step;
      while (sizes.some(({ traced: [p, q] }) => p * second === q * first)) second += step;
      sizes.push({ name, traced: [first, second] });
    });
  });
  const at = (which: 0 | 1) =>
    trace(
      inputs.map((t, i) =>
        t.shape.reduce((made, _, d) => {
          const size = sizes.find(({ name }) => name === dims[i][d])?.traced[which];
          return size === undefined ? made : resized(made, d, size);
        }, t),
      ),
    );
  return forAnySize(await at(0), await at(1), sizes, dims);
}

/** `t` with `size` elements along a dim: its own, over and over. */
function resized(t: Tensor, d: number, size: number): Tensor {
  const parts: Tensor[] = [];
  for (let left = size; left > 0; left -= t.shape[d]) parts.push(t.slice(d, 0, Math.min(left, t.shape[d])));
  return parts.length === 1 ? parts[0] : cat(parts, d);
}

/** The graph with as many of the sizes open as can be; undefined if none can. */
export async function traceAsOpenAsCanBe(
  trace: Trace,
  inputs: readonly Tensor[],
  dims: OpenDims,
): Promise<OfAnySize | undefined> {
  const names = [...new Set(dims.flat())].filter((name) => name !== undefined);
  const only = async (open: readonly string[]) => {
    try {
      const some = dims.map((own) => own.map((name) => (name && open.includes(name) ? name : undefined)));
      return await traceOpen(trace, inputs, some);
    } catch (error) {
      if (error instanceof OctetError) return undefined;
      throw error;
    }
  };
  if (names.length === 0) return undefined;
  const all = await only(names);
  if (all || names.length === 1) return all;
  let found: OfAnySize | undefined;
  const open: string[] = [];
  for (const name of names) {
    const more = await only([...open, name]);
    if (!more) continue;
    found = more;
    open.push(name);
  }
  return found;
}

/** @throws ArgumentError unless `dims` has all of these names */
export function onlyNamed(dims: OpenDims, names: readonly string[]): OpenDims {
  const known = [...new Set(dims.flat())].filter((name) => name !== undefined);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined)
    return dims.map((own) => own.map((name) => (name && names.includes(name) ? name : undefined)));
  throw new ArgumentError({
    op: 'exportOnnx',
    expected:
      known.length > 0
        ? `dynamicDims of ${known.join(', ')}`
        : 'a GraphModule whose inputs name sizes, for dynamicDims',
    found: String(unknown),
    fix:
      known.length > 0
        ? 'graph.inputs has the names.'
        : 'Leave dynamicDims out; dynamicBatch is for other models.',
  });
}
