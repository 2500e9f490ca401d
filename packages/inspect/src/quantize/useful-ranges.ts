import { Hardsigmoid, Hardswish, Hardtanh, LeakyReLU, MaxPool2d, ReLU, ReLU6 } from '@octet/nn';
import type { GraphNode, Slot } from '@octet/nn/graph';
import { DeQuantStub, LearnableFakeQuantize, QuantStub } from '@octet/quantization';
import { noGrad, tensor } from '@octet/tensor';
import type { AnyGraph } from './simulation';

/** The numbers that make a difference to what reads them. */
interface Useful {
  readonly min: number;
  readonly max: number;
}

const ALL: Useful = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY };

/** Of a layer's input, by what is useful of its output. One line a class: layers that saturate, and those that keep order. */
const byLayer: readonly (readonly [type: unknown, of: (useful: Useful, layer: never) => Useful])[] = [
  [Hardswish, ({ max }) => ({ min: -3, max: Math.max(max, 0) })],
  [Hardsigmoid, () => ({ min: -3, max: 3 })],
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

/**
 * Takes from the ranges of activations what no reader tells apart: a HardSwish gives 0 below -3, so integers for less than that are
 * lost. Ranges only become smaller, and with them the steps. In place, after the calibration.
 *
 * @returns how many ranges became smaller by a tenth or more
 */
export async function trimRanges(simulation: AnyGraph): Promise<number> {
  const useful = usefulValues(simulation);
  let trimmed = 0;
  for (const { target, outputs } of simulation.graph.nodes) {
    if (typeof target !== 'string') continue;
    const { activationPostProcess: quantizer } = simulation.getSubmodule(target) as unknown as {
      activationPostProcess?: unknown;
    };
    const range = useful.get(outputs[0]);
    if (!(quantizer instanceof LearnableFakeQuantize) || !range) continue;
    if (await trim(quantizer, range)) trimmed++;
  }
  return trimmed;
}

async function trim(quantizer: LearnableFakeQuantize, useful: Useful): Promise<boolean> {
  const { quantMin, quantMax, scale, zeroPoint } = quantizer;
  const [s] = await scale.data();
  const [z] = await zeroPoint.data();
  const [from, to] = [(quantMin - z) * s, (quantMax - z) * s];
  // Zero stays a whole number of steps: padding is made of it.
  const min = Math.min(0, Math.max(from, useful.min));
  const max = Math.max(0, Math.min(to, useful.max));
  if (!(max - min < 0.9 * (to - from)) || max - min <= 0) return false;
  const steps = quantMax - quantMin;
  // Rounded down, the lower bound is a whole number of steps: what saturates there is exact.
  const below = Math.floor((-min * steps) / (max - min));
  const step = Math.fround(below > 0 ? -min / below : (max - min) / steps);
  const zero = quantMin + below;
  const { backend } = scale;
  noGrad(() => {
    scale.copy_(tensor([step], { backend }));
    zeroPoint.copy_(tensor([zero], { backend }));
  });
  return true;
}

/** By value; of those that nothing reads there is none. */
function usefulValues(model: AnyGraph): Map<Slot, Useful> {
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
    const [x, ...rest] = node.inputs;
    note(x, out && ofInput(model, node, out));
    // Bounds, sizes and second operands.
    for (const slot of rest) note(slot, ALL);
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
function ofInput(model: AnyGraph, node: GraphNode, out: Useful): Useful {
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
