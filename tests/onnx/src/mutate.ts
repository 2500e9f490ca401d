import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  type GraphProto,
  ModelProtoSchema,
  NodeProtoSchema,
} from '../../../packages/onnx/src/onnx.generated';

/** Whole numbers 0 <= x < n, the same for the same seed. */
export type Random = (n: number) => number;

export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** The file with a few bytes changed, taken out, repeated, or cut off. */
function inBytes(file: Uint8Array, random: Random): Uint8Array {
  const at = random(file.length);
  const length = random(64);
  const copy = file.slice();
  switch (random(4)) {
    case 0:
      return copy.subarray(0, at);
    case 1:
      return Uint8Array.from([...copy.subarray(0, at), ...copy.subarray(at + length)]);
    case 2:
      return Uint8Array.from([...copy.subarray(0, at + length), ...copy.subarray(at)]);
    default:
      for (let i = 0; i < 1 + random(6); i++) copy[random(copy.length)] ^= 1 << random(8);
      return copy;
  }
}

const sizes = [
  0n,
  1n,
  -1n,
  2n,
  3n,
  7n,
  255n,
  65536n,
  2n ** 31n,
  -(2n ** 31n),
  2n ** 40n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];

/** A model that is well formed, and means something else: names, operators, sizes, attributes and types exchanged. */
function inMeaning(file: Uint8Array, random: Random, ops: readonly string[]): Uint8Array {
  const model = fromBinary(ModelProtoSchema, file);
  const graph = model.graph as GraphProto;
  const pick = <V>(list: readonly V[]): V | undefined => list[random(list.length)];
  for (let i = 0; i < 1 + random(3); i++) {
    const node = pick(graph.node) ?? create(NodeProtoSchema);
    const names = [
      ...graph.node.flatMap((n) => [...n.input, ...n.output]),
      ...graph.initializer.map((t) => t.name),
      '',
    ];
    const attribute = pick(node.attribute);
    const weight = pick(graph.initializer) ?? attribute?.t;
    const size = () => sizes[random(sizes.length)];
    switch (random(12)) {
      case 0:
        node.opType = pick(ops) ?? '';
        break;
      case 1:
        if (node.input.length > 0) node.input[random(node.input.length)] = pick(names) ?? '';
        break;
      case 2:
        node.input.splice(
          random(node.input.length + 1),
          random(2),
          ...(random(2) ? [pick(names) ?? ''] : []),
        );
        break;
      case 3:
        node.output.push(pick(names) ?? 'new');
        break;
      case 4:
        if (attribute) attribute.ints = attribute.ints.map((n) => (random(2) ? size() : n));
        break;
      case 5:
        if (attribute) Object.assign(attribute, { i: size(), f: Number(size()), type: random(14) });
        break;
      case 6:
        if (attribute) attribute.name = pick(graph.node)?.attribute[0]?.name ?? 'axis';
        break;
      case 7:
        node.attribute.push(
          create(AttributeProtoSchema, {
            name: pick(['axis', 'axes', 'pads', 'strides']) ?? '',
            i: size(),
            type: 2,
          }),
        );
        break;
      case 8:
        if (weight) weight.dims[random(weight.dims.length + 1)] = size();
        break;
      case 9:
        if (weight) weight.dataType = random(30);
        break;
      case 10:
        if (weight) weight.int64Data = weight.int64Data.map((n) => (random(2) ? size() : n));
        break;
      default:
        for (const set of model.opsetImport) set.version = BigInt(random(30));
    }
  }
  return toBinary(ModelProtoSchema, model);
}

export function mutate(file: Uint8Array, random: Random, ops: readonly string[]): Uint8Array {
  return random(3) === 0 ? inBytes(file, random) : inMeaning(file, random, ops);
}
