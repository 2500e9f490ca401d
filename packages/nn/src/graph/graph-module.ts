import {
  ArgumentError,
  type Backend,
  checkOptions,
  DTypeError,
  OctetError,
  ShapeError,
} from '@octet/backend';
import { formatShape, getBackend, kernel, type ReleaseEarly, Tensor, tidy } from '@octet/tensor/functional';
import { type AnyModule, Module } from '../module';
import { Buffer } from '../parameter';
import { stateKey } from '../state-dict';
import { type HostDType, type HostTensor, toTensor, type Value } from './host-tensor';

/** The place of a value while a graph runs. */
export type Slot = number;

/** What a node of functions computes; absent operands are undefined. */
export type GraphFunction = (args: readonly (Value | undefined)[], run: GraphRun) => Value | readonly Value[];

/** What a function may ask of the run it is part of. */
export interface GraphRun {
  /** Where new tensors go. */
  readonly backend: Backend;
  /** Runs a body of the node on `inputs`; returns its outputs. */
  body(index: number, inputs: readonly Value[]): Value[];
}

export interface GraphNode {
  /** Readable, and its own. */
  readonly name: string;
  /** What it computes, for people. */
  readonly op: string;
  readonly inputs: readonly (Slot | undefined)[];
  readonly outputs: readonly Slot[];
  /** The path of the child that is called, or what is computed instead. */
  readonly target: string | GraphFunction;
  /** Inputs of a child from this one on are one argument, an array. */
  readonly tuple?: number;
  /** The method of the child that is called; `call` unless given. */
  readonly method?: string;
  /** What a child is given after the inputs. */
  readonly rest?: readonly unknown[];
  /** What a function was made with, for those that change graphs. */
  readonly attributes?: Readonly<Record<string, unknown>>;
  /** Lists of nodes that `target` runs; they see all values of the graph. */
  readonly bodies?: readonly GraphBody[];
}

export interface GraphBody {
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  readonly nodes: readonly GraphNode[];
}

/** What elements are in a file that has more dtypes than Octet: they are read as int32 and float32. */
export type FileDType = 'int64' | 'float64';

export interface GraphInput {
  readonly name: string;
  readonly slot: Slot;
  /** Of the file that it came from, where that is another than `dtype`: a file written of the graph has it too. */
  readonly fileDtype?: FileDType | undefined;
  /** Undefined: any. */
  readonly dtype?: HostDType | undefined;
  /** Sizes, or names of sizes that vary; undefined: not known. */
  readonly shape?: readonly (number | string)[] | undefined;
  /** Sizes that it must have, and nothing else; undefined: any. */
  readonly sizes?: readonly (number | undefined)[] | undefined;
}

export interface GraphOutput {
  readonly name: string;
  readonly slot: Slot;
  /** As an input's. */
  readonly fileDtype?: FileDType | undefined;
}

export interface GraphOptions {
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly GraphOutput[];
  readonly nodes: readonly GraphNode[];
  /** Values that are always the same, kept on the host. */
  readonly constants: ReadonlyMap<Slot, HostTensor>;
  /** Paths of the module's buffers that are values. */
  readonly buffers: ReadonlyMap<Slot, string>;
  /** What values are called when the graph is printed. */
  readonly names: ReadonlyMap<Slot, string>;
}

/** A graph as it is run: what a `GraphModule` and its clones share. */
export class Graph implements GraphOptions {
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly GraphOutput[];
  readonly nodes: readonly GraphNode[];
  readonly constants: ReadonlyMap<Slot, HostTensor>;
  readonly buffers: ReadonlyMap<Slot, string>;
  readonly names: ReadonlyMap<Slot, string>;
  /** The values that nothing needs after a node. */
  private readonly dying = new Map<GraphNode, readonly Slot[]>();

  constructor(options: GraphOptions) {
    const known = 'inputs outputs nodes constants buffers names';
    const { inputs, outputs, nodes, constants, buffers, names } = checkOptions('Graph', options, known);
    this.inputs = inputs;
    this.outputs = outputs;
    this.nodes = nodes;
    this.constants = constants;
    this.buffers = buffers;
    this.names = names;
    this.findLastUses(nodes, new Set(outputs.map(({ slot }) => slot)));
  }

  /** The values that die after `node`. */
  deadAfter(node: GraphNode): readonly Slot[] {
    return this.dying.get(node) ?? [];
  }

  /** Notes where each value made in `nodes` is used last; those in `kept` live on. */
  private findLastUses(nodes: readonly GraphNode[], kept: ReadonlySet<Slot>): void {
    const mine = new Set(nodes.flatMap((n) => n.outputs));
    const seen = new Set<Slot>(kept);
    for (let i = nodes.length - 1; i >= 0; i--) {
      const used = new Set([...nodes[i].outputs, ...usedBy(nodes[i])]);
      const dead = [...used].filter((slot) => mine.has(slot) && !seen.has(slot));
      for (const slot of used) seen.add(slot);
      this.dying.set(nodes[i], dead);
      for (const body of nodes[i].bodies ?? []) this.findLastUses(body.nodes, new Set(body.outputs));
    }
  }
}

/** The values that a node and its bodies read. */
export function usedBy(node: GraphNode): Slot[] {
  const own = node.inputs.filter((slot) => slot !== undefined);
  const inner = (node.bodies ?? []).flatMap((body) => [...body.outputs, ...body.nodes.flatMap(usedBy)]);
  return inner.length > 0 ? [...own, ...inner] : own;
}

/**
 * A model as a list of nodes in order: each calls a child module or a function of tensors. The children stand under
 * readable names, and everything that works on modules works on it: state dicts, `train`, `to`, `clone`, hooks, `summary`.
 *
 * `forward` takes the graph's inputs in order and gives its output, or an array if there are several: `inputNames` and
 * `outputNames` say which is which. Children can be replaced by others that take and give the same.
 */
export class GraphModule<Out extends Tensor | Tensor[] = Tensor> extends Module<Tensor[], Out> {
  static override readonly name: string = 'GraphModule';
  static readonly pure = true;

  readonly graph: Graph;

  /** `children` and `buffers` by path; `a.b` becomes the field `b` of a container `a`. */
  constructor(graph: Graph, children: ReadonlyMap<string, AnyModule>, buffers: ReadonlyMap<string, Tensor>) {
    super();
    this.graph = graph;
    for (const [path, child] of children) place(this, path, child);
    for (const [path, t] of buffers) place(this, path, new Buffer(t));
  }

  get inputNames(): string[] {
    return this.graph.inputs.map(({ name }) => name);
  }

  get outputNames(): string[] {
    return this.graph.outputs.map(({ name }) => name);
  }

  /**
   * @throws ArgumentError for too many or too few inputs; DTypeError, ShapeError for inputs of another dtype or rank;
   * and what the nodes throw, with the node's name before the op
   */
  forward(...inputs: Tensor[]): Out {
    const { graph } = this;
    this.checkInputs(inputs);
    const backend = inputs[0]?.backend ?? this.parameters()[0]?.backend ?? getBackend();
    const outputs = tidy((release) => new Run(this, backend, inputs, release).outputs());
    return (graph.outputs.length === 1 ? outputs[0] : outputs) as Out;
  }

  private checkInputs(inputs: readonly Tensor[]): void {
    const wanted = this.graph.inputs;
    if (inputs.length !== wanted.length) {
      throw new ArgumentError({
        op: 'GraphModule',
        expected: `${wanted.length} inputs: ${this.inputNames.join(', ')}`,
        found: String(inputs.length),
        fix: 'Pass them in this order.',
      });
    }
    kernel.requireTensor('GraphModule', ...inputs);
    for (const [i, { name, dtype, shape, sizes }] of wanted.entries()) {
      const t = inputs[i];
      if (dtype && t.dtype !== dtype) {
        throw new DTypeError({
          op: 'GraphModule',
          expected: `'${name}' of dtype ${dtype}`,
          found: t.dtype,
          fix: `Convert it with to('${dtype}').`,
        });
      }
      const wrong = (sizes ?? []).some((size, d) => size !== undefined && size !== t.shape[d]);
      if (wrong || (shape && shape.length !== t.dim)) {
        const want = shape?.map((d, i) => sizes?.[i] ?? d);
        throw new ShapeError({
          op: 'GraphModule',
          expected: `'${name}' ${formatShape(want as number[])}`,
          found: formatShape(t.shape),
          fix: 'Reshape it, or add the missing dimensions with unsqueeze().',
        });
      }
    }
  }

  override extraRepr(): string {
    return `${this.inputNames.join(', ')}`;
  }

  /** The graph as a table: a line for each node, what it calls, and the values it takes and makes. */
  override toString(): string {
    const { graph } = this;
    const value = (slot: Slot | undefined) =>
      slot === undefined
        ? '–'
        : (graph.constants.get(slot)?.toString() ?? graph.names.get(slot) ?? `%${slot}`);
    const rows: string[][] = [['node', 'calls', 'inputs', 'outputs']];
    for (const { name, dtype, shape } of graph.inputs) {
      rows.push([name, 'input', '', `${dtype ?? 'any'}${shape ? ` ${formatShape(shape as number[])}` : ''}`]);
    }
    const list = (nodes: readonly GraphNode[], indent: string) => {
      for (const node of nodes) {
        const { target } = node;
        const method = node.method ? `.${node.method}` : '';
        const calls = typeof target === 'string' ? brief(this.getSubmodule(target)) + method : node.op;
        rows.push([
          indent + node.name,
          calls,
          node.inputs.map(value).join(', '),
          node.outputs.map(value).join(', '),
        ]);
        for (const body of node.bodies ?? []) list(body.nodes, `${indent}  `);
      }
    };
    list(graph.nodes, '');
    rows.push([
      graph.outputs.map(({ name }) => name).join(', '),
      'output',
      graph.outputs.map(({ slot }) => value(slot)).join(', '),
      '',
    ]);
    const widths = [0, 1, 2].map((c) => rows.reduce((w, row) => Math.max(w, row[c].length), 0));
    return rows
      .map((row) =>
        row
          .map((cell, c) => (c < 3 ? cell.padEnd(widths[c]) : cell))
          .join('  ')
          .trimEnd(),
      )
      .join('\n');
  }
}

function brief(module: AnyModule): string {
  return String(module).split('\n')[0];
}

/** Modules under names that have dots. */
class Container extends Module<never[], never> {
  static override readonly name: string = 'Container';
  static readonly pure = true;

  forward(): never {
    throw new ArgumentError({
      op: 'Container',
      expected: 'a call of the graph',
      found: 'a call of a part of its names',
      fix: 'Call the GraphModule, or a layer.',
    });
  }
}

type Fields = Record<string, unknown>;

/** Sets the field at `path`, making the containers on the way. */
function place(root: AnyModule, path: string, value: unknown): void {
  const parts = path.split('.');
  let at = root as unknown as Fields;
  for (const part of parts.slice(0, -1)) {
    if (!Object.hasOwn(at, part)) at[part] = new Container();
    at = at[part] as Fields;
  }
  at[parts[parts.length - 1]] = value;
}

/** Paths under which a `GraphModule` can have children and buffers: each can be had once. */
export class Paths {
  /** The keys that a container has, to whether they are containers too. */
  private readonly taken = new Map<string, Map<string, boolean>>();
  private readonly reserved: object = Object.assign(Object.create(GraphModule.prototype), {
    training: true,
    qconfig: undefined,
    graph: undefined,
  });

  /** `wish`, made of letters, digits and dots, or it with a number. */
  take(wish: string): string {
    const parts = wish
      .split('.')
      .map((part) => part.replace(/[^A-Za-z0-9_]/g, '_'))
      .filter((part) => part !== '' && part.length < 64)
      .slice(-12)
      .map((part) => (part in this.reserved ? `${part}_` : part));
    if (parts.length === 0) parts.push('node');
    let prefix = '';
    for (let i = 0; i < parts.length - 1; i++) {
      const at = this.at(prefix);
      // A layer has no room for others: they stand beside it.
      for (let n = 1; at.get(stateKey(parts[i])) === false; n++)
        parts[i] = `${parts[i].replace(/_\d+$/, '')}_${n}`;
      const key = stateKey(parts[i]);
      at.set(key, true);
      prefix += `${key}.`;
    }
    const last = this.at(prefix);
    let name = parts[parts.length - 1];
    for (let n = this.counts.get(prefix + name) ?? 1; last.has(stateKey(name)); n++) {
      name = `${parts[parts.length - 1]}_${n}`;
      this.counts.set(prefix + parts[parts.length - 1], n + 1);
    }
    last.set(stateKey(name), false);
    return [...parts.slice(0, -1), name].join('.');
  }

  private readonly counts = new Map<string, number>();

  private at(prefix: string): Map<string, boolean> {
    const there = this.taken.get(prefix) ?? new Map<string, boolean>();
    this.taken.set(prefix, there);
    return there;
  }
}

/** One call of a graph: its values. */
class Run {
  private readonly values = new Map<Slot, Value>();
  /** How many values lie in a storage; those in it for good are not here. */
  private readonly users = new Map<Tensor['storage'], number>();

  constructor(
    private readonly module: GraphModule<Tensor | Tensor[]>,
    private readonly backend: Backend,
    inputs: readonly Tensor[],
    private readonly freeEarly: ReleaseEarly,
  ) {
    const { graph } = module;
    for (const [i, { slot }] of graph.inputs.entries()) this.hold(slot, inputs[i]);
    for (const [slot, value] of graph.constants) this.values.set(slot, value);
    for (const [slot, path] of graph.buffers) this.hold(slot, bufferAt(module, path));
  }

  outputs(): Tensor[] {
    const { graph } = this.module;
    this.runNodes(graph.nodes);
    return graph.outputs.map(({ slot }) => toTensor(this.get(slot), this.backend));
  }

  private get(slot: Slot): Value {
    return this.values.get(slot) as Value;
  }

  /** A value whose memory isn't ours to free. */
  private hold(slot: Slot, value: Value): void {
    this.values.set(slot, value);
    if (value instanceof Tensor) this.users.set(value.storage, Number.POSITIVE_INFINITY);
  }

  private runNodes(nodes: readonly GraphNode[]): void {
    for (const node of nodes) {
      const args = node.inputs.map((slot) => (slot === undefined ? undefined : this.get(slot)));
      const results = this.compute(node, args);
      for (const [i, slot] of node.outputs.entries()) {
        const value = results[i];
        this.release(slot);
        this.values.set(slot, value);
        if (value instanceof Tensor) this.users.set(value.storage, (this.users.get(value.storage) ?? 0) + 1);
      }
      for (const slot of this.module.graph.deadAfter(node)) this.release(slot);
    }
  }

  private compute(node: GraphNode, args: readonly (Value | undefined)[]): readonly Value[] {
    const { target } = node;
    try {
      if (typeof target === 'string') {
        const child = this.module.getSubmodule(target);
        const tensors = args.map((a) => a && toTensor(a, this.backend));
        const { tuple = tensors.length } = node;
        const list = tensors.slice(tuple);
        const given = [...tensors.slice(0, tuple), ...(list.length > 0 ? [list] : []), ...(node.rest ?? [])];
        const { method = 'call' } = node;
        return flat((child as unknown as Record<string, (...args: unknown[]) => unknown>)[method](...given));
      }
      const { backend } = this;
      const body = (index: number, inputs: readonly Value[]) =>
        this.runBody(node.bodies?.[index] as GraphBody, inputs);
      const call = () => target(args, { backend, body });
      const out = node.bodies ? call() : tidy(call);
      return Array.isArray(out) ? (out as Value[]) : [out as Value];
    } catch (error) {
      if (error instanceof OctetError && typeof target !== 'string') error.placeIn(node.name, node.op);
      throw error;
    }
  }

  private runBody(body: GraphBody, inputs: readonly Value[]): Value[] {
    // They belong to whoever passes them.
    for (const [i, slot] of body.inputs.entries()) this.hold(slot, inputs[i]);
    this.runNodes(body.nodes);
    // And these to whoever asked: a loop collects them, and its next turn must not free them.
    for (const slot of body.outputs) this.hold(slot, this.get(slot));
    return body.outputs.map((slot) => this.get(slot));
  }

  /** Forgets a value, and frees its memory if no other lies there. */
  private release(slot: Slot): void {
    const value = this.values.get(slot);
    this.values.delete(slot);
    if (!(value instanceof Tensor)) return;
    const users = (this.users.get(value.storage) ?? 1) - 1;
    this.users.set(value.storage, users);
    if (users > 0) return;
    this.users.delete(value.storage);
    this.freeEarly(value);
  }
}

/** The tensor in the field at `path`. */
export function bufferAt(module: AnyModule, path: string): Tensor {
  const dot = path.lastIndexOf('.');
  const owner = module.getSubmodule(path.slice(0, Math.max(0, dot)));
  return (owner as unknown as Fields)[path.slice(dot + 1)] as Tensor;
}

/** The tensors of what a module returned, in order. */
function flat(out: unknown): Tensor[] {
  return Array.isArray(out) ? out.flatMap(flat) : [out as Tensor];
}
