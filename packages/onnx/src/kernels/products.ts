import type { Conv2dAttrs } from '@octet/backend';
import type { Attributes, Graph, Like, Value } from '../graph/graph';
import type { NodeBuilders, Operand } from './builder';
import { clamped } from './elementwise';
import { asRows, rowWeight } from './rows';

export const products = (): NodeBuilders => ({
  matmul: (graph, { a, b }, y, { transposeA, transposeB, clamp }) => {
    const inputs = [turnedIf(graph, transposeA, a), turnedIf(graph, transposeB, b)];
    return clamped(graph, graph.node('MatMul', inputs, y), y, clamp);
  },
  linear: (graph, { x, weight, bias }, y, { clamp }) =>
    clamped(graph, linear(graph, x.value, weight.value, bias?.value, y), y, clamp),
  conv2d: (graph, { x, weight, bias }, y, attrs) =>
    convolution(graph, x.value, weight.value, y, attrs, (row, kernel, like, attributes) =>
      clamped(graph, graph.node('Conv', [row, kernel, bias?.value], like, attributes), like, attrs.clamp),
    ),
  convTranspose2d: (graph, { x, weight, bias }, y, attrs) =>
    transposedConvolution(graph, x.value, weight.value, y, attrs, (row, kernel, like, attributes) =>
      graph.node('ConvTranspose', [row, kernel, bias?.value], like, attributes),
    ),
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

/** What `make` makes of the input and the weight of a convolution, of rows if it is one of rows. */
export function convolution<L extends Like>(
  graph: Graph,
  x: Value,
  weight: Value,
  y: L,
  { stride, padding, dilation, groups }: Conv2dAttrs,
  make: (x: Value, weight: Value, y: L, attributes: Attributes) => Value,
): Value {
  return asRows(graph, x, y, (row, like, sizes) => {
    const pads = sizes(padding);
    const kernel = row === x ? weight : rowWeight(graph, weight);
    return make(row, kernel, like, {
      kernel_shape: { ints: kernel.shape.slice(2) },
      strides: { ints: sizes(stride) },
      pads: { ints: [...pads, ...pads] },
      dilations: { ints: sizes(dilation) },
      group: { int: groups },
    });
  });
}

/** Likewise of a transposed convolution, whose output may be larger than its window says. */
export function transposedConvolution<L extends Like>(
  graph: Graph,
  x: Value,
  weight: Value,
  y: L,
  attrs: Conv2dAttrs,
  make: (x: Value, weight: Value, y: L, attributes: Attributes) => Value,
): Value {
  const { stride, padding, dilation } = attrs;
  const extra = stride.map((step, d) => {
    const least = (x.shape[d + 2] - 1) * step - 2 * padding[d] + dilation[d] * (weight.shape[d + 2] - 1) + 1;
    return y.shape[d + 2] - least;
  });
  return convolution(graph, x, weight, y, attrs, (row, kernel, like, attributes) =>
    make(row, kernel, like, {
      ...attributes,
      output_padding: { ints: extra.slice(4 - row.shape.length) },
    }),
  );
}
