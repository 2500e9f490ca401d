import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as A,
  type AttributeProto,
  AttributeProtoSchema,
  type FunctionProto,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  TensorProto_DataType as T,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../src/onnx.generated';

type Attribute = number | string | readonly number[] | GraphProto | TensorProto | { readonly float: number };

function attribute(name: string, value: Attribute): AttributeProto {
  const make = (fields: Partial<AttributeProto>) =>
    create(AttributeProtoSchema, { name, ...fields } as never);
  if (typeof value === 'number') return make({ type: A.INT, i: BigInt(value) });
  if (typeof value === 'string') return make({ type: A.STRING, s: new TextEncoder().encode(value) });
  if (Array.isArray(value)) return make({ type: A.INTS, ints: value.map(BigInt) });
  if ('float' in value) return make({ type: A.FLOAT, f: value.float });
  if ((value as GraphProto).$typeName === 'onnx.GraphProto')
    return make({ type: A.GRAPH, g: value as GraphProto });
  return make({ type: A.TENSOR, t: value as TensorProto });
}

/** A node: `node('Add', ['a', 'b'], ['c'])`. */
export function node(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
  more: Partial<Pick<NodeProto, 'name' | 'domain'>> = {},
): NodeProto {
  const list = Object.entries(attributes).map(([name, value]) => attribute(name, value));
  return create(NodeProtoSchema, {
    opType,
    input: [...input],
    output: [...output],
    attribute: list,
    ...more,
  });
}

/** float32 in raw data. */
export function floats(name: string, dims: readonly number[], values?: readonly number[]): TensorProto {
  const size = dims.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length: size }, (_, i) => values?.[i] ?? Math.sin(i + name.length) / 2);
  return create(TensorProtoSchema, {
    ...{ name, dims: dims.map(BigInt), dataType: T.FLOAT },
    rawData: new Uint8Array(data.buffer),
  });
}

/** int64 in its own field. */
export function ints(
  name: string,
  values: readonly (number | bigint)[],
  dims = [values.length],
): TensorProto {
  return create(TensorProtoSchema, {
    ...{ name, dims: dims.map(BigInt), dataType: T.INT64 },
    int64Data: values.map(BigInt),
  });
}

export function value(
  name: string,
  dims?: readonly (number | string)[],
  elemType: number = T.FLOAT,
): ValueInfoProto {
  const dim = dims?.map((d) => ({
    value: typeof d === 'number' ? { case: 'dimValue', value: BigInt(d) } : { case: 'dimParam', value: d },
  }));
  const type = { value: { case: 'tensorType', value: { elemType, ...(dim && { shape: { dim } }) } } };
  return create(ValueInfoProtoSchema, { name, type } as never);
}

export interface GraphParts {
  inputs?: readonly ValueInfoProto[];
  outputs: readonly (string | ValueInfoProto)[];
  nodes: readonly NodeProto[];
  weights?: readonly TensorProto[];
}

export function graph({ inputs = [], outputs, nodes, weights = [] }: GraphParts): GraphProto {
  return create(GraphProtoSchema, {
    name: 'graph',
    ...{ input: [...inputs], output: outputs.map((y) => (typeof y === 'string' ? value(y) : y)) },
    ...{ node: [...nodes], initializer: [...weights] },
  });
}

/** The bytes of a model. */
export function file(
  parts: GraphParts,
  { opset = 17, functions = [] as FunctionProto[], domains = {} as Record<string, number> } = {},
): Uint8Array {
  const opsetImport = Object.entries({ '': opset, ...domains }).map(([domain, version]) => ({
    domain,
    version: BigInt(version),
  }));
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 8n, opsetImport, graph: graph(parts), functions }),
  );
}
