/** What makes a graph smaller and leaves what it computes: constants without repeats, attributes and zero points that go without saying. */
import type { TypedArray } from '@octet/backend';
import { numel, sameShape } from '@octet/tensor';
import type { Attribute, Attributes, ConstantData, Graph, Node, Value } from './graph';

/** Numbers of a constant, as they are written. */
export type Numbers = TypedArray | BigInt64Array;

/** Operators whose operands broadcast. */
const broadcasting = new Set(
  'Add Sub Mul Div Pow Mod Max Min Where And Or Xor Equal Greater GreaterOrEqual Less LessOrEqual'.split(' '),
);

/** A constant of fewer bytes than that is not worth a node. */
const LEAST_REPEATED_BYTES = 256;

/**
 * Constants that repeat themselves along a dim: one element of it, where the operator broadcasts; elsewhere repeated by
 * Expand, which engines work out when they load the file.
 */
export async function withoutRepeats(graph: Graph): Promise<void> {
  const { nodes } = graph;
  graph.nodes = [];
  for (const node of nodes) {
    if (broadcasting.has(node.op)) await narrowOperands(graph, node);
    graph.nodes.push(node);
  }
  graph.prune();
}

async function narrowOperands(graph: Graph, node: Node): Promise<void> {
  for (const [i, value] of node.inputs.entries()) {
    if (!value || numel(value.shape) < 2) continue;
    const { shape } = node.outputs[0];
    const others = node.inputs.filter((v): v is Value => v !== undefined && v !== value);
    // Aligned at the last dim.
    const size = (v: Value, fromLast: number) => v.shape[v.shape.length - fromLast] ?? 1;
    const dims = value.shape.flatMap((n, d) => {
      const fromLast = value.shape.length - d;
      const given = others.some((v) => size(v, fromLast) === shape[shape.length - fromLast]);
      return n > 1 && given ? [d] : [];
    });
    node.inputs[i] = await narrowed(graph, value, dims);
  }
}

/**
 * `value` with one element along those of `dims` that its numbers are the same along, if it is a constant or one's floats. Tensors of the
 * state dict stay as they are.
 */
async function narrowed(graph: Graph, value: Value, dims: readonly number[]): Promise<Value> {
  const { node } = value;
  const ofOneScale = node?.op === 'DequantizeLinear' && node.inputs[1]?.shape.length === 0;
  if (node && ofOneScale) {
    const [integers, ...parameters] = node.inputs as Value[];
    const few = await narrowed(graph, integers, dims);
    if (few === integers) return value;
    return graph.once(value, `narrowed to ${few.shape}`, () =>
      graph.node('DequantizeLinear', [few, ...parameters], { shape: few.shape, dtype: value.dtype }),
    );
  }
  if (!value.constant || value.constant.isState) return value;
  const few = withoutRepeatsAlong(await numbersOf(value.constant.data), value.shape, dims);
  if (sameShape(few.shape, value.shape)) return value;
  const { name } = value.constant;
  return graph.once(value, `narrowed to ${few.shape}`, () => ({
    ...{ dtype: value.dtype, shape: few.shape },
    constant: { data: few.data, name },
  }));
}

/** Large constants that repeat themselves, by Expand. */
export async function repeatsByExpand(graph: Graph): Promise<void> {
  const { nodes } = graph;
  graph.nodes = [];
  for (const node of nodes) {
    for (const [i, value] of node.inputs.entries()) {
      if (!value?.constant || value.dtype === 'int64' || value.shape.length === 0) continue;
      const numbers = await numbersOf(value.constant.data);
      if (numbers.byteLength < LEAST_REPEATED_BYTES) continue;
      const all = value.shape.map((_, d) => d);
      const few = withoutRepeatsAlong(numbers, value.shape, all);
      if (numbers.byteLength - few.data.byteLength < LEAST_REPEATED_BYTES) continue;
      const { name } = value.constant;
      node.inputs[i] = graph.once(value, 'expanded', () => {
        const small: Value = { dtype: value.dtype, shape: few.shape, constant: { data: few.data, name } };
        return graph.node('Expand', [small, graph.ints(value.shape)], value);
      });
    }
    graph.nodes.push(node);
  }
}

/** The numbers, of one element along those of `dims` along which all are the same. */
function withoutRepeatsAlong(
  data: Numbers,
  shape: readonly number[],
  dims: readonly number[],
): { readonly data: Numbers; readonly shape: readonly number[] } {
  let few: Numbers = data;
  const left = [...shape];
  for (const d of dims) {
    const inner = numel(left.slice(d + 1));
    const row = left[d] * inner;
    if (left[d] < 2 || !few.every((v, i) => Object.is(v, few[i - (i % row) + (i % inner)]))) continue;
    few = few.filter((_: number | bigint, i: number) => i % row < inner) as Numbers;
    left[d] = 1;
  }
  return { data: few, shape: left };
}

/** What an operator does if an attribute is left out: each of its numbers is that. */
const defaults: Readonly<Record<string, Readonly<Record<string, number>>>> = (() => {
  const window = { strides: 1, pads: 0, dilations: 1 };
  const convolution = { ...window, group: 1, output_padding: 0 };
  return {
    Conv: convolution,
    ConvTranspose: convolution,
    MaxPool: window,
    AveragePool: { ...window, count_include_pad: 0 },
  };
})();

/**
 * Leaves out attributes at their defaults, and zero points that are 0. Those of channels only of the weights of a Conv: onnxruntime 1.30 puts a
 * single one in their place, which its other operators refuse.
 */
export async function withoutDefaults(graph: Graph): Promise<void> {
  const weights = new Set(graph.nodes.flatMap(({ op, inputs }) => (op === 'Conv' ? inputs[1]?.node : [])));
  for (const node of graph.nodes) {
    const known = defaults[node.op];
    if (known) Object.assign(node, { attributes: without(node.attributes, known) });
    const zeroPoint = /^(Q|Deq)uantizeLinear$/.test(node.op) ? node.inputs[2] : undefined;
    if (!zeroPoint?.constant || (zeroPoint.shape.length > 0 && !weights.has(node))) continue;
    // The integers of QuantizeLinear are uint8 unless a zero point says otherwise.
    const isKnown = node.op === 'DequantizeLinear' || zeroPoint.dtype === 'uint8';
    const numbers = await numbersOf(zeroPoint.constant.data);
    if (isKnown && numbers.every((z: number | bigint) => Number(z) === 0)) node.inputs.length = 2;
  }
}

function without(attributes: Attributes, known: Readonly<Record<string, number>>): Attributes {
  const numbers = (attribute: Attribute) =>
    'ints' in attribute ? attribute.ints : 'int' in attribute ? [attribute.int] : [];
  return Object.fromEntries(
    Object.entries(attributes).filter(
      ([name, attribute]) => known[name] === undefined || !numbers(attribute).every((n) => n === known[name]),
    ),
  );
}

export async function numbersOf(data: ConstantData): Promise<Numbers> {
  return 'storage' in data ? data.data() : data;
}

export function bytesOf({ buffer, byteOffset, byteLength }: Numbers): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

/**
 * Constants of equal numbers once: those made here, and the model's own of several dims. Scales, zero points and int8 weights that
 * nodes share are more than onnxruntime can rewrite: of weights, each but the first is the one before, reshaped, which engines work out when
 * they load the file. Of two that reshape the same, they would make one.
 */
export async function withoutTwins(graph: Graph): Promise<void> {
  const contents = new Contents();
  const before = new Map<Value, Value>();
  const { nodes } = graph;
  graph.nodes = [];
  for (const node of nodes) {
    const { inputs } = node;
    for (const [i, value] of inputs.entries()) {
      const { data, name } = value?.constant ?? {};
      if (!value || !data) continue;
      if (name !== '' && value.shape.length < 2) continue;
      const bytes = bytesOf(await numbersOf(data));
      const isOwn = name !== '' && value.dtype !== 'float32';
      if (isOwn && bytes.length < LEAST_REPEATED_BYTES) continue;
      const first = contents.first(value, bytes);
      inputs[i] = first;
      if (!isOwn || first === value) continue;
      inputs[i] = graph.once(value, 'reshaped', () =>
        graph.node('Reshape', [before.get(first) ?? first, graph.ints(value.shape)], value),
      );
      before.set(first, inputs[i]);
    }
    graph.nodes.push(node);
  }
}

/** Constants by what they hold. */
class Contents {
  private readonly known = new Map<string, { value: Value; bytes: Uint8Array }[]>();

  /** The constant that was shown first of those with this dtype, shape and bytes. */
  first(value: Value, bytes: Uint8Array): Value {
    const key = `${value.dtype} ${value.shape} ${checksum(bytes)}`;
    const alike = this.known.get(key) ?? [];
    const twin = alike.find((other) => other.bytes.every((b, i) => b === bytes[i]));
    if (twin) return twin.value;
    this.known.set(key, [...alike, { value, bytes }]);
    return value;
  }
}

/** FNV-1a. */
function checksum(bytes: Uint8Array): number {
  let sum = 0x811c9dc5;
  for (const b of bytes) sum = Math.imul(sum ^ b, 0x01000193);
  return sum;
}
