/**
 * Operators that take and give integers of 8 bits with their scales, as the nodes that they mean: DequantizeLinear, the operator of
 * floats, QuantizeLinear. What runs such nodes on integers then runs these.
 */
import type { AttributeProto } from '../../onnx.generated';
import type { OnnxNode, Operand } from '../node';
import type { OnnxOperator } from '../table';
import { Meaning } from './meaning';

const MICROSOFT = 'com.microsoft';

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
