import type { GraphModule } from '@octet/onnx';
import type { Tensor } from '@octet/tensor';

/** Nodes in a row without branches, as one box. */
export interface Box {
  readonly id: number;
  /** The nodes in their order: what each is, and the layer's path if it is one. */
  readonly nodes: readonly { readonly op: string; readonly path: string | null }[];
  /** How far from the inputs: the row in which it is drawn. */
  readonly level: number;
}

/** A graph folded into boxes, for people to see. */
export interface Drawing {
  readonly boxes: readonly Box[];
  /** From a box to one that reads what it makes. */
  readonly arrows: readonly (readonly [number, number])[];
}

/** The graph with chains of nodes folded: what has one reader, and what reads nothing else, stand in one box. */
export function drawingOf(model: GraphModule<Tensor | Tensor[]>): Drawing {
  const { nodes } = model.graph;
  const maker = new Map<number, number>();
  for (const [i, node] of nodes.entries()) for (const slot of node.outputs) maker.set(slot, i);
  const before = nodes.map((node) => [
    ...new Set(node.inputs.flatMap((slot) => (slot === undefined ? [] : (maker.get(slot) ?? [])))),
  ]);
  const readers = nodes.map((): number[] => []);
  for (const [i, list] of before.entries()) for (const from of list) readers[from].push(i);

  const boxOf = new Array<number>(nodes.length);
  const boxes: { id: number; nodes: Box['nodes'][number][]; level: number }[] = [];
  for (const [i, node] of nodes.entries()) {
    const isLayer = typeof node.target === 'string';
    const part = {
      op: isLayer ? model.getSubmodule(node.target as string).constructor.name : node.op,
      path: isLayer ? (node.target as string) : null,
    };
    const [from] = before[i];
    const follows = before[i].length === 1 && readers[from].length === 1;
    if (follows) {
      boxOf[i] = boxOf[from];
      boxes[boxOf[i]].nodes.push(part);
      continue;
    }
    boxOf[i] = boxes.length;
    const level = Math.max(-1, ...before[i].map((b) => boxes[boxOf[b]].level)) + 1;
    boxes.push({ id: boxes.length, nodes: [part], level });
  }
  const arrows = new Map<string, readonly [number, number]>();
  for (const [i, list] of before.entries())
    for (const from of list)
      if (boxOf[from] !== boxOf[i]) arrows.set(`${boxOf[from]} ${boxOf[i]}`, [boxOf[from], boxOf[i]]);
  return { boxes, arrows: [...arrows.values()] };
}
