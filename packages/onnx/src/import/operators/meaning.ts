import { attributeTypes as Kind } from '../../numbers';
import type { AttributeProto, NodeProto } from '../../onnx.generated';
import { attributeProto, nodeProto } from '../decode';
import { type OnnxNode, type Operand, operandName } from '../node';

function int(name: string, value: number): AttributeProto {
  return attributeProto({ name, type: Kind.INT, i: BigInt(value) });
}

export function float(name: string, value: number): AttributeProto {
  return attributeProto({ name, type: Kind.FLOAT, f: value });
}

/** The nodes that one node means. */
export class Meaning {
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
    this.nodes.push(
      nodeProto({ opType, name, input: [...input], output: [output], attribute: [...attribute] }),
    );
    return output;
  }

  /** A number. */
  number(value: number): string {
    return this.add('Constant', [], [float('value_float', value)]);
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
    if (factor !== 1) scale = this.add('Mul', [scale, this.number(factor)]);
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
