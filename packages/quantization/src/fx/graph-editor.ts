import {
  bufferAt,
  Graph,
  type GraphInput,
  GraphModule,
  type GraphNode,
  type GraphOutput,
  type HostTensor,
  Paths,
  type Slot,
  usedBy,
} from '@octet/nn/graph';
import type { AnyModule, Buffer } from '@octet/nn/modules';
import type { Tensor } from '@octet/tensor/functional';

export type AnyGraphModule = GraphModule<Tensor | Tensor[]>;

/** A graph while it is changed: another `GraphModule` is made of it, on the same children. */
export class GraphEditor {
  nodes: GraphNode[];
  readonly outputs: (Omit<GraphOutput, 'slot'> & { slot: Slot })[];
  readonly inputs: readonly GraphInput[];
  readonly constants: Map<Slot, HostTensor>;
  private readonly buffers: ReadonlyMap<Slot, string>;
  private readonly tensors = new Map<string, Buffer>();
  private readonly names: Map<Slot, string>;
  private readonly children = new Map<string, AnyModule>();
  private readonly paths = new Paths();
  private readonly training: boolean;
  private slots = 0;
  private readers: ReadonlyMap<Slot, readonly GraphNode[]> | undefined;

  constructor(module: AnyGraphModule) {
    const { graph } = module;
    this.nodes = [...graph.nodes];
    this.outputs = graph.outputs.map((output) => ({ ...output }));
    this.inputs = graph.inputs;
    this.constants = new Map(graph.constants);
    this.buffers = graph.buffers;
    this.names = new Map(graph.names);
    this.training = module.training;
    for (const path of graph.buffers.values()) {
      this.paths.take(path);
      this.tensors.set(path, bufferAt(module, path) as Buffer);
    }
    for (const node of allNodes(graph.nodes)) {
      if (typeof node.target !== 'string' || this.children.has(node.target)) continue;
      this.paths.take(node.target);
      this.children.set(node.target, module.getSubmodule(node.target));
    }
    const known = [
      ...graph.inputs.map(({ slot }) => slot),
      ...graph.constants.keys(),
      ...graph.buffers.keys(),
      ...allNodes(graph.nodes).flatMap((node) => [
        ...node.outputs,
        ...(node.bodies ?? []).flatMap(({ inputs }) => inputs),
      ]),
    ];
    this.slots = known.reduce((most, slot) => Math.max(most, slot), -1) + 1;
  }

  /** The child that a node calls. */
  moduleOf({ target }: GraphNode): AnyModule | undefined {
    return typeof target === 'string' ? this.children.get(target) : undefined;
  }

  /** Adds a child, at this path or it with a number; the path. */
  addChild(wish: string, module: AnyModule): string {
    const path = this.paths.take(wish);
    this.children.set(path, module);
    return path;
  }

  replaceChild(path: string, module: AnyModule): void {
    this.children.set(path, module);
  }

  /** A new value. */
  value(name?: string): Slot {
    const slot = this.slots++;
    if (name !== undefined) this.names.set(slot, name);
    return slot;
  }

  /** A new constant. */
  constant(value: HostTensor): Slot {
    const slot = this.value();
    this.constants.set(slot, value);
    return slot;
  }

  nameOf(slot: Slot): string | undefined {
    return this.names.get(slot) ?? this.buffers.get(slot);
  }

  /** The nodes that read a value, in their bodies too; once for each operand. Of the nodes as they were when first asked. */
  readersOf(slot: Slot): readonly GraphNode[] {
    if (!this.readers) {
      const readers = new Map<Slot, GraphNode[]>();
      for (const node of this.nodes) {
        for (const used of usedBy(node)) readers.set(used, [...(readers.get(used) ?? []), node]);
      }
      this.readers = readers;
    }
    return this.readers.get(slot) ?? [];
  }

  isOutput(slot: Slot): boolean {
    return this.outputs.some((output) => output.slot === slot);
  }

  /** The one node that reads the one value of a node; undefined if there are others. */
  onlyReaderOf({ outputs: [slot, ...more] }: GraphNode): GraphNode | undefined {
    if (more.length > 0 || this.isOutput(slot)) return undefined;
    const [reader, ...others] = this.readersOf(slot);
    return others.length === 0 ? reader : undefined;
  }

  setNodes(nodes: GraphNode[]): void {
    this.nodes = nodes;
    this.readers = undefined;
  }

  /** How many nodes call the child at a path. */
  callsOf(path: string): number {
    return allNodes(this.nodes).filter(({ target }) => target === path).length;
  }

  build(): AnyGraphModule {
    const called = new Set(allNodes(this.nodes).map(({ target }) => target));
    const children = new Map([...this.children].filter(([path]) => called.has(path)));
    const { inputs, outputs, nodes, constants, buffers, names } = this;
    const graph = new Graph({ inputs, outputs, nodes, constants, buffers, names });
    const module = new GraphModule<Tensor | Tensor[]>(graph, children, this.tensors);
    // What only holds others under its name has the mode of the whole.
    const layers = new Set([...children.values()].flatMap((child) => child.modules()));
    for (const m of module.modules()) if (!layers.has(m)) m.training = this.training;
    return module;
  }
}

/** The nodes and those in their bodies. */
export function allNodes(nodes: readonly GraphNode[]): GraphNode[] {
  return nodes.flatMap((node) => [node, ...(node.bodies ?? []).flatMap((body) => allNodes(body.nodes))]);
}

/** A node that reads other values, in its bodies too. */
export function renamed(node: GraphNode, rename: (slot: Slot) => Slot): GraphNode {
  const inputs = node.inputs.map((slot) => (slot === undefined ? undefined : rename(slot)));
  const bodies = node.bodies?.map((body) => ({
    inputs: body.inputs,
    outputs: body.outputs.map(rename),
    nodes: body.nodes.map((inner) => renamed(inner, rename)),
  }));
  return { ...node, inputs, ...(bodies && { bodies }) };
}
