import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { cannotExport } from '../errors';
import {
  type AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from '../onnx.generated';
import { irVersionOf } from '../opsets';
import { bytesOf, numbersOf, repeatsByExpand, withoutDefaults, withoutTwins } from './compact';
import { elementTypes } from './element-types';
import type { Attribute, Graph, Node, Value } from './graph';
import { Names, type PortNames } from './names';

/** The size of a dim in the file: a number, or a name where it may vary. */
export type Dim = number | string;

export interface ModelOptions {
  readonly producer: string;
  /** The dims of inputs and outputs, where they aren't those that were traced. */
  readonly dims: ReadonlyMap<Value, readonly Dim[]>;
  readonly ports: PortNames;
}

// Protobuf can't say more.
const MAX_BYTES = 2 ** 31 - 1;

/** The bytes of an ONNX file. @throws OnnxExportError if it would pass the 2 GB of Protobuf */
export async function encodeModel(
  graph: Graph,
  { producer, dims, ports }: ModelOptions,
): Promise<Uint8Array> {
  await repeatsByExpand(graph);
  await withoutDefaults(graph);
  await withoutTwins(graph);
  const names = new Names(graph, ports);
  const initializer = await initializers(graph, names);
  const bytes = initializer.reduce((sum, { rawData }) => sum + (rawData?.byteLength ?? 0), 0);
  if (bytes > MAX_BYTES) {
    throw cannotExport({
      expected: 'weights of less than 2 GB, the largest file that Protobuf can have',
      found: `${bytes} bytes`,
      fix: 'Quantize the model, or export it in parts.',
    });
  }
  const model = create(ModelProtoSchema, {
    irVersion: BigInt(irVersionOf(graph.opset)),
    opsetImport: [
      { domain: '', version: BigInt(graph.opset) },
      ...[...new Set(graph.nodes.flatMap(({ domain }) => domain ?? []))].map((domain) => ({
        domain,
        version: 1n,
      })),
    ],
    producerName: producer,
    graph: {
      name: 'model',
      node: graph.nodes.map((node) => nodeProto(node, names)),
      initializer,
      input: graph.inputs.map((v) => valueInfo(v, names.of(v), dims.get(v) ?? v.shape)),
      output: graph.outputs.map((v) => valueInfo(v, names.of(v), dims.get(v) ?? v.shape)),
    },
  });
  return toBinary(ModelProtoSchema, model);
}

type Init<S extends Parameters<typeof create>[0]> = MessageInitShape<S>;

function nodeProto(node: Node, names: Names): Init<typeof NodeProtoSchema> {
  const { op, domain = '', inputs, attributes, outputs } = node;
  const input = inputs.map((v) => (v ? names.of(v) : ''));
  while (input.at(-1) === '') input.pop();
  return {
    opType: op,
    domain,
    name: names.ofNode(node),
    input,
    output: outputs.map((v) => names.of(v)),
    attribute: Object.entries(attributes).map(([name, attribute]) => attributeProto(name, attribute)),
  };
}

function attributeProto(name: string, attribute: Attribute): Init<typeof AttributeProtoSchema> {
  if ('int' in attribute) return { name, type: AttributeType.INT, i: BigInt(attribute.int) };
  if ('float' in attribute) return { name, type: AttributeType.FLOAT, f: attribute.float };
  if ('string' in attribute) {
    const s = Uint8Array.from(attribute.string, (letter) => letter.charCodeAt(0));
    return { name, type: AttributeType.STRING, s };
  }
  return { name, type: AttributeType.INTS, ints: attribute.ints.map(BigInt) };
}

function valueInfo({ dtype }: Value, name: string, dims: readonly Dim[]): Init<typeof ValueInfoProtoSchema> {
  const dim = dims.map((d) => ({
    value:
      typeof d === 'number'
        ? { case: 'dimValue' as const, value: BigInt(d) }
        : { case: 'dimParam' as const, value: d },
  }));
  return {
    name,
    type: { value: { case: 'tensorType', value: { elemType: elementTypes[dtype], shape: { dim } } } },
  };
}

/** The constants that nodes use. */
async function initializers(graph: Graph, names: Names): Promise<Init<typeof TensorProtoSchema>[]> {
  const written = new Map<Value, Init<typeof TensorProtoSchema>>();
  for (const node of graph.nodes) {
    for (const value of node.inputs) {
      if (!value?.constant || written.has(value)) continue;
      names.give(value, 'constant');
      written.set(value, {
        name: names.of(value),
        dims: value.shape.map(BigInt),
        dataType: elementTypes[value.dtype],
        rawData: bytesOf(await numbersOf(value.constant.data)),
      });
    }
  }
  return [...written.values()];
}
