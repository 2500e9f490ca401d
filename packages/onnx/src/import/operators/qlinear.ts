/**
 * Operators that take and give integers of 8 bits with their scales, as the nodes that they mean: DequantizeLinear, the operator of
 * floats, QuantizeLinear. What runs such nodes on integers then runs these.
 */
import { create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as Kind,
  type NodeProto,
  NodeProtoSchema,
} from '../../onnx.generated';
import { type OnnxNode, type Operand, operandName } from '../node';
import type { OnnxOperator } from '../table';

const MICROSOFT = 'com.microsoft';

function int(name: string, value: number): AttributeProto {
  return create(AttributeProtoSchema, { name, type: Kind.INT, i: BigInt(value) });
}

/** The nodes that one node means. */
class Meaning {
  private readonly nodes: NodeProto[] = [];

  constructor(private readonly node: OnnxNode) {}

  /** The result of an operator of ONNX's own. */
  add(
    opType: string,
    input: readonly string[],
    attribute: readonly AttributeProto[] = [],
    more: { name?: string; output?: string } = {},
  ): string {
    const { name = '', output = `${this.node.outputs[0]}: ${this.nodes.length}` } = more;
    const fields = { opType, name, input: [...input], output: [output], attribute: [...attribute] };
    this.nodes.push(create(NodeProtoSchema, fields));
    return output;
  }

  /** The name of an input; '' if it is absent. */
  input(i: number): string {
    return this.node.inputs[i] ? operandName(i) : '';
  }

  /** The floats of the integers `at`, whose scale and zero point are the next two inputs; scales of many are along `axis`. */
  floats(at: number, axis = 1): string {
    const { name, constant } = this.node.input(at);
    const more = constant && name ? { output: `${name}_dequantized` } : {};
    const inputs = [at, at + 1, at + 2].map((i) => this.input(i));
    return this.add('DequantizeLinear', inputs, [int('axis', axis)], more);
  }

  /** The floats of a bias of int32, whose scale is the product of two inputs, or of a third number too. */
  bias(at: number, scales: readonly [number, number], factor = 1): string {
    if (!this.node.inputs[at]) return '';
    let scale = this.add('Mul', [this.input(scales[0]), this.input(scales[1])]);
    if (factor !== 1) {
      const value = create(AttributeProtoSchema, { name: 'value_float', type: Kind.FLOAT, f: factor });
      scale = this.add('Mul', [scale, this.add('Constant', [], [value])]);
    }
    return this.add('DequantizeLinear', [this.input(at), scale], [int('axis', 0)]);
  }

  /** The operator of the node on floats. */
  operator(op: string, input: readonly string[], attributes = this.node.attributeProtos()): string {
    return this.add(op, input, attributes, {
      name: this.node.name || this.node.outputs[0],
    });
  }

  /** The integers of floats: scale and zero point are inputs from `at` on. */
  integers(floats: string, at: number): Operand[] {
    this.node.input(at);
    const inputs = [floats, this.input(at), this.input(at + 1)];
    return this.as(this.add('QuantizeLinear', inputs));
  }

  as(result: string): Operand[] {
    return this.node.expand(this.nodes, [result]);
  }
}

function row(op: string, domain: string, inputs: number, meaning: (m: Meaning, node: OnnxNode) => Operand[]) {
  const since = domain === '' ? 10 : 1;
  return { op, domain, since, inputs, import: (node: OnnxNode) => meaning(new Meaning(node), node) };
}

/** A function of two tensors a and b: each with scale and zero point, then those of the result. */
const ofTwo = (op: string, float: string) =>
  row(op, MICROSOFT, 7, (m) => m.integers(m.operator(float, [m.floats(0), m.floats(3)]), 6));

/** A function of one tensor: x, its scale and zero point, those of the result. */
const ofOne = (op: string, float: string, attributes?: (node: OnnxNode) => AttributeProto[]) =>
  row(op, MICROSOFT, 4, (m, node) => m.integers(m.operator(float, [m.floats(0)], attributes?.(node)), 3));

/** Attributes of a pool, which has its channels where ONNX's have them. */
function ofChannelsFirst(node: OnnxNode): AttributeProto[] {
  if (node.flag('channels_last')) node.unsupported('channels_last');
  return node.attributeProtos().filter(({ name }) => name !== 'channels_last');
}

export const qlinear = (): readonly OnnxOperator[] => [
  row('QLinearConv', '', 8, (m) =>
    m.integers(m.operator('Conv', [m.floats(0), m.floats(3, 0), m.bias(8, [1, 4])]), 6),
  ),
  row('QLinearMatMul', '', 8, (m) => m.integers(m.operator('MatMul', [m.floats(0, -2), m.floats(3, -1)]), 6)),
  row('QLinearMatMul', MICROSOFT, 8, (m) =>
    m.integers(m.operator('MatMul', [m.floats(0, -2), m.floats(3, -1)]), 6),
  ),
  row('QGemm', MICROSOFT, 5, (m, node) => {
    const weight = m.floats(3, node.flag('transB') ? 0 : 1);
    const y = m.operator('Gemm', [m.floats(0), weight, m.bias(6, [1, 4], node.float('alpha', 1))]);
    return node.inputs[7] ? m.integers(y, 7) : m.as(y);
  }),
  ofTwo('QLinearAdd', 'Add'),
  ofTwo('QLinearMul', 'Mul'),
  ofOne('QLinearSigmoid', 'Sigmoid'),
  ofOne('QLinearLeakyRelu', 'LeakyRelu'),
  ofOne('QLinearSoftmax', 'Softmax', (node) => {
    // Its axis is meant as by the version that it says.
    if (node.int('opset', 13) < 13) node.unsupported('the meaning before version 13');
    return node.attributeProtos().filter(({ name }) => name === 'axis');
  }),
  ofOne('QLinearAveragePool', 'AveragePool', ofChannelsFirst),
  ofOne('QLinearGlobalAveragePool', 'GlobalAveragePool', ofChannelsFirst),
  row('QLinearConcat', MICROSOFT, 5, (m, node) => {
    const count = (node.inputs.length - 2) / 3;
    if (!Number.isInteger(count))
      throw node.wrong('three inputs for each tensor', String(node.inputs.length));
    const parts = Array.from({ length: count }, (_, i) => m.floats(2 + 3 * i));
    return m.integers(m.operator('Concat', parts), 0);
  }),
  row('QLinearWhere', MICROSOFT, 8, (m) =>
    m.integers(m.operator('Where', [m.input(0), m.floats(1), m.floats(4)]), 7),
  ),
];
