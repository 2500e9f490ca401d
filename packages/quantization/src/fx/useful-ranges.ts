/** Which numbers of a value make a difference to what reads them: a HardSwish gives 0 below -3, so integers for less are lost. */
import { type GraphNode, type Slot, usedBy } from '@octet/nn/graph';
import {
  GELU,
  Hardsigmoid,
  Hardswish,
  Hardtanh,
  LeakyReLU,
  MaxPool2d,
  ReLU,
  ReLU6,
  Sigmoid,
  SiLU,
  Tanh,
} from '@octet/nn/modules';
import type { Useful } from '../observed';
import { DeQuantStub, QuantStub } from '../stubs';
import type { AnyGraphModule } from './graph-editor';
import { fxOperator } from './operators';

const ALL: Useful = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY };

/**
 * Of a layer's input, by what is useful of its output. One line a class: layers that saturate, exactly or to less than half a step of their int8
 * output, and those that keep order.
 */
const byLayer: readonly (readonly [type: unknown, of: (useful: Useful, layer: never) => Useful])[] = [
  [Hardswish, ({ max }) => ({ min: -3, max: Math.max(max, 0) })],
  [Hardsigmoid, () => ({ min: -3, max: 3 })],
  [Sigmoid, () => ({ min: -8, max: 8 })],
  [Tanh, () => ({ min: -4, max: 4 })],
  [GELU, ({ max }) => ({ min: -5, max: Math.max(max, 0) })],
  [SiLU, ({ max }) => ({ min: -8, max: Math.max(max, 0) })],
  [ReLU, ({ max }) => ({ min: 0, max: Math.max(max, 0) })],
  [ReLU6, ({ max }) => ({ min: 0, max: Math.min(6, Math.max(max, 0)) })],
  [
    Hardtanh,
    ({ min, max }, { minVal, maxVal }: Hardtanh) => ({
      min: Math.max(min, minVal),
      max: Math.min(max, maxVal),
    }),
  ],
  [
    LeakyReLU,
    ({ min, max }, { negativeSlope: slope }: LeakyReLU) =>
      slope > 0 ? { min: min < 0 ? min / slope : min, max: max < 0 ? max / slope : max } : ALL,
  ],
  [MaxPool2d, (useful) => useful],
  [QuantStub, (useful) => useful],
  [DeQuantStub, (useful) => useful],
];

/** Functions that move numbers, and don't change them. */
const moving = [
  'Reshape',
  'Flatten',
  'Transpose',
  'Squeeze',
  'Unsqueeze',
  'squeeze',
  'unsqueeze',
  'Slice',
  'Split',
  'Gather',
];

/** By value; none of those that nothing reads. */
export function usefulValues(model: AnyGraphModule): Map<Slot, Useful> {
  const { graph } = model;
  const useful = new Map<Slot, Useful>(graph.outputs.map(({ slot }) => [slot, ALL]));
  const note = (slot: Slot | undefined, more: Useful | undefined) => {
    if (slot === undefined || !more) return;
    const known = useful.get(slot);
    useful.set(
      slot,
      known ? { min: Math.min(known.min, more.min), max: Math.max(known.max, more.max) } : more,
    );
  };
  for (const node of [...graph.nodes].reverse()) {
    const results = node.outputs.flatMap((slot) => useful.get(slot) ?? []);
    const out = results.length === 0 ? undefined : union(results);
    if (fxOperator(node.op)?.kind === 'sizes') continue;
    const [x, ...rest] = node.inputs;
    note(x, out && ofInput(model, node, out));
    // Bounds, sizes and second operands.
    for (const slot of rest) note(slot, ALL);
    if (node.bodies) for (const slot of usedBy(node)) note(slot, ALL);
  }
  return useful;
}

function union(ranges: readonly Useful[]): Useful {
  return {
    min: Math.min(...ranges.map(({ min }) => min)),
    max: Math.max(...ranges.map(({ max }) => max)),
  };
}

/** What is useful of a node's first input. */
function ofInput(model: AnyGraphModule, node: GraphNode, out: Useful): Useful {
  const { target, inputs, op, bodies, method } = node;
  if (bodies || method) return ALL;
  if (typeof target === 'string') {
    const layer = model.getSubmodule(target);
    const row = byLayer.find(([type]) => layer.constructor === type);
    return row ? row[1](out, layer as never) : ALL;
  }
  if (moving.includes(op)) return out;
  const bound = (slot: Slot | undefined) => {
    const constant = slot === undefined ? undefined : model.graph.constants.get(slot);
    return constant?.numel === 1 ? constant.data[0] : undefined;
  };
  const above =
    op === 'Max' && inputs.length === 2 ? bound(inputs[1]) : op === 'Clip' ? bound(inputs[1]) : undefined;
  const below =
    op === 'Min' && inputs.length === 2 ? bound(inputs[1]) : op === 'Clip' ? bound(inputs[2]) : undefined;
  if (above === undefined && below === undefined) return ALL;
  return {
    min: Math.max(out.min, above ?? Number.NEGATIVE_INFINITY),
    max: Math.min(out.max, below ?? Number.POSITIVE_INFINITY),
  };
}
