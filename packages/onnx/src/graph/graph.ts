import {
  type DType,
  hostArray,
  type KernelTable,
  type StorageDType,
  storageDType,
  type TypedArray,
} from '@octet/backend';
import { sameShape, type Tensor } from '@octet/tensor';

/** What the elements of an ONNX tensor are; shapes and axes are int64. */
export type OnnxDType = StorageDType | 'int64';

/** An attribute of a node. ONNX tells whole numbers from floats. */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly string: string };

export type Attributes = Readonly<Record<string, Attribute>>;

/** Contents of a constant: a tensor that is read when the file is written, or numbers made here. */
export type ConstantData = Tensor | TypedArray | BigInt64Array;

export interface Constant {
  readonly data: ConstantData;
  readonly name: string;
  /** Whether it is a whole tensor of the state dict. */
  readonly isState?: boolean;
}

/** Shape and dtype of a value; a tensor is one. */
export interface Like {
  readonly shape: readonly number[];
  readonly dtype: DType | 'int64';
}

/** A tensor of the ONNX graph, in its logical shape: images are NCHW however they lie in memory. */
export interface Value {
  readonly dtype: OnnxDType;
  readonly shape: readonly number[];
  /** The node that makes it. */
  readonly node?: Node;
  readonly constant?: Constant;
}

export interface Node {
  readonly op: string;
  /** ONNX's own unless given. */
  readonly domain?: string;
  /** The module it was recorded in, as the state dict writes it. */
  readonly scope: string;
  /** Undefined stands for an optional input left out. */
  readonly inputs: (Value | undefined)[];
  readonly attributes: Attributes;
  readonly outputs: Value[];
}

/** x · weightᵀ + bias, by an int8 weight [outputs, inputs]. */
export interface DynamicProduct {
  readonly x: Value;
  readonly weight: Value;
  readonly bias: Value | undefined;
  readonly attrs: KernelTable['qlinearDynamic']['attrs'];
}

/** An ONNX graph while it is recorded. Values get their names when the file is written. */
export class Graph {
  readonly inputs: Value[] = [];
  readonly outputs: Value[] = [];
  nodes: Node[] = [];
  /** The module that is being recorded. */
  scope = '';
  /** What products with inputs quantized at every call were made of. */
  readonly dynamicProducts = new Map<Value, DynamicProduct>();
  private readonly memory = new Map<Value, Map<string, Value>>();

  constructor(readonly opset: number) {}

  input(like: Like): Value {
    const value = { shape: like.shape, dtype: onnxDType(like.dtype) };
    this.inputs.push(value);
    return value;
  }

  /** A node of one output, whose shape and dtype are those of `like`. */
  node(op: string, inputs: readonly (Value | undefined)[], like: Like, attributes: Attributes = {}): Value {
    return this.nodeWithOutputs(op, inputs, [like], attributes)[0];
  }

  /** The same of an operator that isn't ONNX's own. */
  foreign(
    domain: string,
    op: string,
    inputs: readonly (Value | undefined)[],
    like: Like,
    attributes: Attributes,
  ): Value {
    const [value] = this.nodeWithOutputs(op, inputs, [like], attributes);
    Object.assign(value.node as Node, { domain });
    return value;
  }

  nodeWithOutputs(
    op: string,
    inputs: readonly (Value | undefined)[],
    likes: readonly Like[],
    attributes: Attributes = {},
  ): readonly Value[] {
    const node: Node = { op, scope: this.scope, inputs: [...inputs], attributes, outputs: [] };
    for (const { shape, dtype } of likes) node.outputs.push({ shape, dtype: onnxDType(dtype), node });
    this.nodes.push(node);
    return node.outputs;
  }

  /** A constant of the model, under a name of its own. */
  tensor(data: Tensor, name: string, isState = false): Value {
    return { shape: data.shape, dtype: storageDType(data.dtype), constant: { data, name, isState } };
  }

  /** Numbers made here. Without a name, equal ones are written once. */
  constant(dtype: OnnxDType, shape: readonly number[], values: ArrayLike<number>, name = ''): Value {
    const data =
      dtype === 'int64'
        ? BigInt64Array.from(values as ArrayLike<number> & Iterable<number>, BigInt)
        : filled(dtype, values);
    return { shape, dtype, constant: { data, name } };
  }

  scalar(dtype: DType, value: number): Value {
    return this.constant(storageDType(dtype), [], [value]);
  }

  /** A list of whole numbers: axes, sizes, positions. */
  ints(values: readonly number[]): Value {
    return this.constant('int64', [values.length], values);
  }

  /** `x` in another shape; of reshapes one after the other only the last counts. */
  reshape(x: Value, shape: readonly number[]): Value {
    if (sameShape(x.shape, shape)) return x;
    const source = x.node?.op === 'Reshape' ? (x.node.inputs[0] as Value) : x;
    if (sameShape(source.shape, shape)) return source;
    return this.node('Reshape', [source, this.ints(shape)], { shape, dtype: x.dtype });
  }

  /** Dim i of the result is dim order[i] of x. A tensor of the model is turned when it is written. */
  transpose(x: Value, order: readonly number[]): Value {
    return this.once(x, `transpose ${order}`, () => this.transposed(x, order));
  }

  private transposed(x: Value, order: readonly number[]): Value {
    const { data, name } = x.constant ?? {};
    if (data && 'permute' in data) return this.tensor(data.permute(order), turnedName(`${name}`, order));
    const shape = order.map((d) => x.shape[d]);
    return this.node('Transpose', [x], { shape, dtype: x.dtype }, { perm: { ints: order } });
  }

  /** What `make` made of `x` when it was first asked for under this key. */
  once(x: Value, key: string, make: () => Value): Value {
    let made = this.memory.get(x);
    if (!made) {
      made = new Map();
      this.memory.set(x, made);
    }
    const known = made.get(key);
    if (known) return known;
    const value = make();
    made.set(key, value);
    return value;
  }

  /** Drops the nodes that no output needs. */
  prune(): void {
    const needed = new Set<Node>();
    const pending = this.outputs.map((v) => v.node);
    while (pending.length > 0) {
      const node = pending.pop();
      if (!node || needed.has(node)) continue;
      needed.add(node);
      for (const input of node.inputs) pending.push(input?.node);
    }
    this.nodes = this.nodes.filter((n) => needed.has(n));
  }
}

/** A matrix turned twice has its own name again. */
function turnedName(name: string, order: readonly number[]): string {
  const ending = '_transposed';
  return order.length === 2 && name.endsWith(ending) ? name.slice(0, -ending.length) : name + ending;
}

function onnxDType(dtype: DType | 'int64'): OnnxDType {
  return dtype === 'int64' ? dtype : storageDType(dtype);
}

function filled(dtype: StorageDType, values: ArrayLike<number>): TypedArray {
  const data = hostArray(dtype, values.length);
  data.set(values);
  return data;
}
