import type { Conv2dAttrs } from '@octet/backend';
import type { Attributes, Graph, Like, Value } from '../graph/graph';
import type { NodeBuilders, Operand } from './builder';
import { clamped } from './elementwise';

export const products = (): NodeBuilders => ({
  matmul: (graph, { a, b }, y, { transposeA, transposeB, clamp }) => {
    const inputs = [turnedIf(graph, transposeA, a), turnedIf(graph, transposeB, b)];
    return clamped(graph, graph.node('MatMul', inputs, y), y, clamp);
  },
  linear: (graph, { x, weight, bias }, y, { clamp }) =>
    clamped(graph, linear(graph, x.value, weight.value, bias?.value, y), y, clamp),
  conv2d: (graph, { x, weight, bias }, y, attrs) => {
    const inputs = [x.value, weight.value, bias?.value];
    const sums = graph.node('Conv', inputs, y, convAttributes(attrs, weight.value.shape));
    return clamped(graph, sums, y, attrs.clamp);
  },
});

function turnedIf(graph: Graph, transposed: boolean, { value }: Operand): Value {
  return transposed ? turned(graph, value) : value;
}

/** With its last two dims swapped. */
export function turned(graph: Graph, value: Value): Value {
  const order = value.shape.map((_, i) => i);
  order.push(...order.splice(-2).reverse());
  return graph.transpose(value, order);
}

export function linear(graph: Graph, x: Value, weight: Value, bias: Value | undefined, y: Like): Value {
  if (x.shape.length === 2) return graph.node('Gemm', [x, weight, bias], y, gemmAttributes());
  const product = graph.node('MatMul', [x, turned(graph, weight)], y);
  return bias ? graph.node('Add', [product, bias], y) : product;
}

/** Of a Gemm with the weight [outputs, inputs]. */
export function gemmAttributes(): Attributes {
  return { transB: { int: 1 } };
}

export function convAttributes(
  { stride, padding, dilation, groups }: Conv2dAttrs,
  weightShape: readonly number[],
): Attributes {
  return {
    kernel_shape: { ints: weightShape.slice(2) },
    strides: { ints: stride },
    pads: { ints: [...padding, ...padding] },
    dilations: { ints: dilation },
    group: { int: groups },
  };
}
