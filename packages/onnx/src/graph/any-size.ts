/**
 * Graphs for inputs of any size. The model is traced at two sizes; where the two graphs differ, a size has gone in, and only there. So
 * nothing has to be guessed from equal numbers, and what can't vary is found.
 */
import { sameShape, type Tensor } from '@octet/tensor';
import { cannotExport } from '../errors';
import type { Graph, Node, Value } from './graph';
import type { Dim } from './model-proto';

/** A size that varies: its name, and what it was when the two graphs were traced. */
export interface OpenSize {
  readonly name: string;
  readonly traced: readonly [number, number];
}

/** A graph, and the dims of its inputs and outputs where they vary. */
export interface OfAnySize {
  readonly graph: Graph;
  readonly dims: ReadonlyMap<Value, readonly Dim[]>;
}

/**
 * `a`, with what differs in `b`, traced at other sizes, made to vary. `inputDims` has the sizes of the inputs that do; where an output has
 * none of them, its dim gets a name of its own.
 * @throws OnnxExportError where a size is part of a constant or an attribute
 */
export async function forAnySize(
  a: Graph,
  b: Graph,
  sizes: readonly OpenSize[],
  inputDims: readonly (readonly (string | undefined)[])[],
): Promise<OfAnySize> {
  const baked = bakedInto(sizes);
  if (a.nodes.length !== b.nodes.length) throw baked('the operations themselves', undefined);
  const counterpart = new Map<Value, Value>();
  const pair = (xs: readonly Value[], ys: readonly Value[]) => {
    xs.forEach((x, i) => {
      counterpart.set(x, ys[i]);
    });
  };
  pair(a.inputs, b.inputs);
  for (const [i, node] of a.nodes.entries()) {
    await match(a, node, b.nodes[i], counterpart, baked);
    pair(node.outputs, b.nodes[i].outputs);
  }
  const dims = new Map<Value, Dim[]>();
  for (const [i, x] of [...a.inputs, ...a.outputs].entries()) {
    const y = [...b.inputs, ...b.outputs][i];
    if (x.shape.length !== y.shape.length) throw baked('the number of dimensions of an output', undefined);
    const name = (d: number) =>
      inputDims[i]?.[d] ??
      sizes.find(({ traced: [p, q] }) => p === x.shape[d] && q === y.shape[d])?.name ??
      `${sizes[0].name}_${i}_${d}`;
    dims.set(
      x,
      x.shape.map((n, d) => (n === y.shape[d] ? n : name(d))),
    );
  }
  return { graph: a, dims };
}

/** Checks that two nodes do the same at any size, and lets the first vary where it must. */
async function match(
  graph: Graph,
  a: Node,
  b: Node,
  counterpart: ReadonlyMap<Value, Value>,
  baked: ReturnType<typeof bakedInto>,
): Promise<void> {
  const same =
    a.op === b.op &&
    a.inputs.length === b.inputs.length &&
    JSON.stringify(a.attributes) === JSON.stringify(b.attributes);
  if (!same) throw baked(a.op === b.op ? 'an attribute' : 'the operations themselves', a);
  for (const [i, x] of a.inputs.entries()) {
    const y = b.inputs[i];
    if (!x || !y) {
      if (x !== y) throw baked('the operations themselves', a);
    } else if (!x.constant || !y.constant) {
      if (counterpart.get(x) !== y) throw baked('the operations themselves', a);
    } else if (!(await equal(x, y))) {
      const varied = a.op === 'Reshape' && i === 1 ? inferred(x, y) : undefined;
      if (!varied) throw baked('a constant', a);
      a.inputs[i] = graph.ints(varied);
    }
  }
}

/** Two shapes to reshape to, as one: ONNX works out a single size by itself. */
function inferred(x: Value, y: Value): number[] | undefined {
  const [p, q] = [x, y].map((v) => Array.from(v.constant?.data as BigInt64Array, Number));
  const shape = p.map((n, i) => (n === q[i] ? n : -1));
  return p.length === q.length && shape.filter((n) => n === -1).length === 1 ? shape : undefined;
}

async function equal(x: Value, y: Value): Promise<boolean> {
  if (!sameShape(x.shape, y.shape) || x.dtype !== y.dtype) return false;
  const [p, q] = [x, y].map((v) => v.constant?.data as NonNullable<Value['constant']>['data']);
  if ('storage' in p && 'storage' in q && p.storage === q.storage) return sameLayout(p, q);
  const [m, n] = await Promise.all([p, q].map((d) => ('storage' in d ? d.data() : d)));
  return m.every((v: number | bigint, i: number) => v === n[i]);
}

function sameLayout(p: Tensor, q: Tensor): boolean {
  return p.offset === q.offset && sameShape(p.strides, q.strides);
}

const bakedInto = (sizes: readonly OpenSize[]) => {
  const ofBatch = sizes.length === 1 && sizes[0].name === 'batch';
  const what = ofBatch
    ? 'the size of the batch'
    : `the size ${sizes.map(({ name }) => `'${name}'`).join(' or ')}`;
  return (where: string, node: Node | undefined) =>
    cannotExport({
      expected: `a model that does the same for ${ofBatch ? 'batches' : 'inputs'} of any size`,
      found: `${what} in ${where}${node ? ` of ${node.op}${node.scope && ` in '${node.scope}'`}` : ''}`,
      fix: `Leave ${ofBatch ? 'dynamicBatch' : 'it'} out and export at the size that you will run, or make forward compute with shapes that flatten and reshape with -1 give, and pass states as inputs.`,
    });
};
