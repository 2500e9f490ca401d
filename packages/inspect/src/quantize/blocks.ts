import type { AnyModule } from '@octet/nn';
import { Graph, GraphModule, type GraphNode, type Slot } from '@octet/nn/graph';
import type { Tensor } from '@octet/tensor';
import type { AnyGraph } from './simulation';

/** A part of a graph between values that all of it passes through. */
export interface Block {
  /** Of the nodes, the first and the one after the last. */
  readonly begin: number;
  readonly end: number;
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
}

/**
 * The blocks of a graph: it is cut after each node at which no more than `width` values live on, where a block has weights. Graphs without such
 * places are one block.
 */
export function blocksOf(model: AnyGraph, width = 1): Block[] {
  const { nodes, inputs, outputs } = model.graph;
  const lastUse = new Map<Slot, number>();
  for (const [i, node] of nodes.entries()) for (const slot of readBy(node)) lastUse.set(slot, i);
  for (const { slot } of outputs) lastUse.set(slot, nodes.length);
  const live = new Set<Slot>(inputs.map(({ slot }) => slot));
  const blocks: Block[] = [];
  let begin = 0;
  let entering = [...live];
  for (const [i, node] of nodes.entries()) {
    for (const slot of node.outputs) live.add(slot);
    for (const slot of live) if ((lastUse.get(slot) ?? -1) <= i) live.delete(slot);
    const isLast = i === nodes.length - 1;
    if (!isLast && (live.size > width || !hasWeights(model, nodes.slice(begin, i + 1)))) continue;
    const leaving = isLast ? outputs.map(({ slot }) => slot) : [...live];
    blocks.push({ begin, end: i + 1, inputs: entering, outputs: leaving });
    begin = i + 1;
    entering = leaving;
  }
  return blocks;
}

/** What a node and its bodies read. */
function readBy(node: GraphNode): Slot[] {
  const inner = (node.bodies ?? []).flatMap((body) => [...body.outputs, ...body.nodes.flatMap(readBy)]);
  return [...node.inputs.filter((slot) => slot !== undefined), ...inner];
}

function hasWeights(model: AnyGraph, nodes: readonly GraphNode[]): boolean {
  return nodes.some(
    ({ target }) => typeof target === 'string' && model.getSubmodule(target).parameters().length > 0,
  );
}

/** A block as a graph of its own, on the same children. */
export function partOf(model: AnyGraph, { begin, end, inputs, outputs }: Block): AnyGraph {
  const { graph } = model;
  const nodes = graph.nodes.slice(begin, end);
  const read = new Set(nodes.flatMap(readBy));
  const children = new Map<string, AnyModule>();
  const collect = (list: readonly GraphNode[]) => {
    for (const { target, bodies } of list) {
      if (typeof target === 'string') children.set(target, model.getSubmodule(target));
      for (const body of bodies ?? []) collect(body.nodes);
    }
  };
  collect(nodes);
  const buffers = new Map([...graph.buffers].filter(([slot]) => read.has(slot)));
  const tensors = new Map([...buffers.values()].map((path) => [path, bufferAt(model, path)]));
  const value = (slot: Slot) => ({ name: graph.names.get(slot) ?? `value${slot}`, slot });
  const part = new Graph({
    inputs: inputs.map(value),
    outputs: outputs.map(value),
    nodes,
    constants: graph.constants,
    buffers,
    names: graph.names,
  });
  return new GraphModule<Tensor | Tensor[]>(part, children, tensors).eval();
}

function bufferAt(model: AnyModule, path: string): Tensor {
  const at = path.lastIndexOf('.');
  const owner = model.getSubmodule(path.slice(0, Math.max(at, 0))) as unknown as Record<string, Tensor>;
  return owner[path.slice(at + 1)];
}
