import type { KernelName, KernelTable, StorageDType } from '@octet/backend';
import type { Tensor } from '@octet/tensor';
import type { Attributes, Graph, Value } from '../graph/graph';

/** An input of a kernel call. */
export interface Operand {
  /** In its logical shape: images NCHW, convolution weights OIHW. */
  readonly value: Value;
  readonly tensor: Tensor;
  /** The shape that the kernel saw. */
  readonly physical: readonly number[];
}

/** The output `y` of a kernel call, of which the node makes the value, in its logical shape. */
export interface Output {
  readonly tensor: Tensor;
  readonly shape: readonly number[];
  readonly dtype: StorageDType;
  readonly physical: readonly number[];
}

type Operands<N extends KernelName> = { readonly [I in KernelTable[N]['in']]: Operand } & {
  readonly [I in KernelTable[N]['optionalIn']]?: Operand;
};

/** Says a kernel call in ONNX: adds nodes to the graph and returns the value of `y`. */
export type NodeBuilder<N extends KernelName> = (
  graph: Graph,
  inputs: Operands<N>,
  y: Output,
  attrs: KernelTable[N]['attrs'],
) => Value;

/** A table of node builders, one line a kernel. */
export type NodeBuilders = { readonly [N in KernelName]?: NodeBuilder<N> };

export type AnyNodeBuilder = (
  graph: Graph,
  inputs: Readonly<Record<string, Operand>>,
  y: Output,
  attrs: object,
) => Value;

interface OnlyX {
  readonly x: Operand;
}

/** A kernel that is one node of one input. */
export function unary(op: string, attributes: Attributes = {}) {
  return (graph: Graph, { x }: OnlyX, y: Output): Value => graph.node(op, [x.value], y, attributes);
}
