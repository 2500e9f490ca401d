import type { AnyModule } from '@octet/nn';
import { cannotImport, OnnxImportError, withoutThem } from '../errors';
import type { GraphFunction } from '../graph-module';
import type { HostDType, HostTensor } from '../host-tensor';
import { attributeTypes as Kind, nameIn } from '../numbers';
import type { AttributeProto, GraphProto, NodeProto, TensorProto } from '../onnx.generated';
import { attributeProto, nodeProto } from './decode';

/** A value as the importer sees it. */
export interface Operand {
  readonly slot: number;
  /** Its elements, if they are known before the model runs. */
  readonly constant?: HostTensor | undefined;
  /** How many dimensions it has, if that is known. */
  readonly rank?: number | undefined;
  /** Its dtype, if it is known: of inputs and constants. */
  readonly dtype?: HostDType | undefined;
  /** What the file calls it. */
  readonly name?: string | undefined;
  /** The node that made it. */
  readonly source?: OnnxNode | undefined;
  /** The convolution or linear layer whose result it is, as it came or as a view that leaves the channels in their place. */
  readonly layer?: AnyModule | undefined;
  /** The value whose channels, dim 1, it has as its last dim: it is that, transposed. */
  readonly turned?: Operand | undefined;
  /** Of a constant that was dequantized from int8 around 0: its scales. */
  readonly steps?: HostTensor | undefined;
  /** What it is instead of a tensor. */
  readonly sequence?: Sequence | undefined;
}

/** A list of operands. */
export interface Sequence {
  /** Undefined: only the model's inputs say how many there are. */
  readonly items: readonly Operand[] | undefined;
  /** The one at a place, which may be counted from the end; undefined if there is none. */
  at(i: number): Operand | undefined;
}

export interface CallOptions {
  /** How many values the function returns; 1. */
  readonly outputs?: number;
  /** The rank of the first of them. */
  readonly rank?: number | undefined;
  /** Whether it may be worked out now, if its operands are constants; true. */
  readonly fold?: boolean;
  /** Operands that it reads on the host: by their numbers. */
  readonly host?: readonly number[];
  /** What it is called when the graph is printed; the node's operator. */
  readonly op?: string;
  readonly bodies?: readonly OperandBody[];
  /** What the function was made with, where passes over the graph must know it. */
  readonly attributes?: Readonly<Record<string, unknown>>;
}

export interface LayerOptions {
  /** The initializer to name it after. */
  readonly weight?: Operand | undefined;
  /** The rank of its first output. */
  readonly rank?: number | undefined;
  /** How many tensors it returns; 1. */
  readonly outputs?: number;
  /** Operands from this one on are one argument, an array. */
  readonly tuple?: number | undefined;
  /** What it is, where passes over the graph must know it. */
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
}

/** A body of a node, as `OnnxNode.body` builds it. */
export interface OperandBody {
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
  readonly nodes: readonly unknown[];
}

/** What a node can ask of the graph that is being built. */
export interface Building {
  call(
    node: OnnxNode,
    fn: GraphFunction,
    inputs: readonly (Operand | undefined)[],
    options: CallOptions,
  ): Operand[];
  layer(node: OnnxNode, module: AnyModule, inputs: readonly Operand[], options: LayerOptions): Operand[];
  constant(value: HostTensor, name?: string): Operand;
  list(sequence: Sequence): Operand;
  body(node: OnnxNode, graph: GraphProto): OperandBody;
  inline(graph: GraphProto): Operand[];
  expand(node: OnnxNode, nodes: readonly NodeProto[], outputs: readonly string[]): Operand[];
  tensor(proto: TensorProto, where: string): HostTensor;
  /** Whether one node reads the operand, and that is all. */
  isReadOnce(operand: Operand): boolean;
}

/**
 * Says that a node asks for what Octet doesn't have. All that are found while the graph is built are reported together; some
 * show only when the model is called.
 */
export class Unsupported extends OnnxImportError {
  constructor(
    where: string,
    readonly what: string,
  ) {
    super({
      op: 'importOnnx',
      expected: `${where}: what Octet has`,
      found: what || 'an operator that it does not have',
      fix: withoutThem,
    });
  }
}

/** A node of the file, for the function of its operator's row. */
export class OnnxNode {
  /** As the file has it; '' if it has none. */
  readonly name: string;
  readonly op: string;
  /** Of its operator; '' is ONNX's own. */
  readonly domain: string;
  /** Absent ones are undefined. */
  readonly inputs: readonly (Operand | undefined)[];
  /** Names of the outputs; '' for one that nobody wants. */
  readonly outputs: readonly string[];
  private readonly attributes: ReadonlyMap<string, AttributeProto>;
  /** Operands of the file that others stand for here, by their slots. */
  private readonly instead = new Map<number, Operand>();
  private readonly unread: Set<string>;
  /** The version of its operators. */
  readonly opset: number;
  private readonly building: Building;

  /** @internal */
  constructor(
    proto: NodeProto,
    opset: number,
    inputs: readonly (Operand | undefined)[],
    attributes: readonly AttributeProto[],
    building: Building,
  ) {
    this.opset = opset;
    this.building = building;
    this.name = proto.name;
    this.op = proto.opType;
    this.domain = proto.domain === 'ai.onnx' ? '' : proto.domain;
    this.inputs = inputs;
    this.outputs = proto.output;
    this.attributes = new Map(attributes.map((a) => [a.name, a]));
    this.unread = new Set(this.attributes.keys());
  }

  /** As errors name it: `Conv 'conv1'`. */
  get label(): string {
    return `${this.op} '${(this.name || this.outputs[0] || '').slice(0, 120)}'`;
  }

  /** The same node with other operands, and with some attributes that are one number. */
  with(inputs: readonly (Operand | undefined)[], numbers: Readonly<Record<string, number>>): OnnxNode {
    const { name, op: opType, domain } = this;
    const proto = nodeProto({ name, opType, domain, output: [...this.outputs] });
    const given = Object.entries(numbers).map(([name, value]) =>
      attributeProto({ name, type: Kind.INT, i: BigInt(value) }),
    );
    const all = [...this.attributeProtos().filter(({ name }) => !(name in numbers)), ...given];
    const node = new OnnxNode(proto, this.opset, inputs, all, this.building);
    for (const [i, operand] of inputs.entries())
      if (operand && this.inputs[i]) node.instead.set(operand.slot, this.inputs[i]);
    return node;
  }

  // ---- operands

  /** @throws OnnxImportError if it is absent */
  input(index: number): Operand {
    const found = this.inputs[index];
    if (found) return found;
    throw this.wrong(`an input ${index}`, `${this.inputs.length} inputs`);
  }

  /** The list that an input is. What isn't known as one is unsupported. */
  sequence(index: number): Sequence {
    return this.input(index).sequence ?? this.unsupported('a sequence that the graph does not make');
  }

  /** Those that are there. */
  get present(): Operand[] {
    return this.inputs.filter((i) => i !== undefined);
  }

  /** The whole numbers of an input that is constant; undefined if it is absent. Others are unsupported. */
  constantInts(index: number, what: string): number[] | undefined {
    const operand = this.inputs[index];
    return operand && this.requireConstant(operand, what).toArray();
  }

  requireConstant(operand: Operand, what: string): HostTensor {
    return operand.constant ?? this.unsupported(`${what} known only when it runs`);
  }

  // ---- attributes

  has(name: string): boolean {
    this.unread.delete(name);
    return this.attributes.has(name);
  }

  private get(name: string, ...types: readonly number[]): AttributeProto | undefined {
    const a = this.attributes.get(name);
    this.unread.delete(name);
    if (!a || types.includes(a.type)) return a;
    // Files of the oldest version don't say the type.
    if (a.type === Kind.UNDEFINED) return a;
    throw this.wrong(
      `attribute '${name}' of type ${types.map((t) => nameIn(Kind, t)).join(' or ')}`,
      nameIn(Kind, a.type),
    );
  }

  int(name: string, absent: number): number;
  int(name: string, absent?: number): number | undefined;
  int(name: string, absent?: number): number | undefined {
    const a = this.get(name, Kind.INT);
    return a ? saturated(a.i) : absent;
  }

  flag(name: string, absent = false): boolean {
    return this.int(name, Number(absent)) !== 0;
  }

  float(name: string, absent: number): number;
  float(name: string, absent?: number): number | undefined;
  float(name: string, absent?: number): number | undefined {
    return this.get(name, Kind.FLOAT)?.f ?? absent;
  }

  ints(name: string): number[] | undefined {
    return this.get(name, Kind.INTS)?.ints.map(saturated);
  }

  floats(name: string): number[] | undefined {
    return this.get(name, Kind.FLOATS)?.floats;
  }

  string(name: string, absent: string): string {
    const a = this.get(name, Kind.STRING);
    return a ? text(a.s) : absent;
  }

  strings(name: string): string[] | undefined {
    return this.get(name, Kind.STRINGS)?.strings.map(text);
  }

  tensor(name: string): HostTensor | undefined {
    const t = this.get(name, Kind.TENSOR)?.t;
    return t && this.building.tensor(t, `${this.label}, '${name}'`);
  }

  /**
   * All attributes, for nodes that have them too.
   *
   * @internal
   */
  attributeProtos(): AttributeProto[] {
    this.unread.clear();
    return [...this.attributes.values()];
  }

  private graph(name: string): GraphProto {
    const g = this.get(name, Kind.GRAPH)?.g;
    if (!g) throw this.wrong(`a graph '${name}'`, 'none');
    return g;
  }

  /** @throws Unsupported for an attribute that nobody has asked for: it would change what the node means */
  checkAttributes(): void {
    for (const name of this.unread)
      if (!harmless.has(name)) this.unsupported(`attribute '${name.slice(0, 80)}'`);
  }

  // ---- what it becomes

  /** A function of the operands. All are constants: worked out now, unless it is large. */
  call(
    fn: GraphFunction,
    inputs: readonly (Operand | undefined)[] = this.inputs,
    options: CallOptions = {},
  ): Operand[] {
    return this.building.call(this, fn, inputs, options);
  }

  /** As `call`, of a function with one result. */
  call1(
    fn: GraphFunction,
    inputs: readonly (Operand | undefined)[] = this.inputs,
    options: CallOptions = {},
  ): Operand {
    return this.call(fn, inputs, options)[0];
  }

  /** A call of a layer. */
  layer(module: AnyModule, inputs: readonly Operand[], options: LayerOptions = {}): Operand[] {
    return this.building.layer(this, module, inputs, options);
  }

  constant(value: HostTensor, name?: string): Operand {
    return this.building.constant(value, name);
  }

  /** A list of operands, which operators of sequences take and nothing else does. */
  list(sequence: Sequence): Operand {
    return this.building.list(sequence);
  }

  /** Whether one node of the file reads the operand, and that is all. */
  isReadOnce(operand: Operand): boolean {
    const given = this.instead.get(operand.slot);
    return this.building.isReadOnce(operand) && (!given || this.building.isReadOnce(given));
  }

  /** The graph in an attribute as a list of nodes of its own, for `call`. */
  body(attribute: string): OperandBody {
    return this.building.body(this, this.graph(attribute));
  }

  /** The nodes of the graph in an attribute in the place of this one; its outputs. */
  inline(attribute: string): Operand[] {
    return this.building.inline(this.graph(attribute));
  }

  /**
   * Nodes of ONNX's own operators in the place of this one, whose inputs have the names that `operandName` gives; the values of
   * these names.
   *
   * @internal
   */
  expand(nodes: readonly NodeProto[], outputs: readonly string[]): Operand[] {
    return this.building.expand(this, nodes, outputs);
  }

  // ---- errors

  /** What the file has wrong here. */
  wrong(expected: string, found: string, fix?: string): OnnxImportError {
    return cannotImport(this.label, { expected, found, ...(fix && { fix }) });
  }

  /** @throws Unsupported */
  unsupported(what: string): never {
    throw new Unsupported(this.label, what);
  }
}

/** What nodes in the place of another call its input `i`. */
export function operandName(i: number): string {
  return `input ${i}`;
}

/** Attributes that say nothing of the result: how exactly sums are kept, what is given by shapes, what is for training. */
const harmless = /* @__PURE__ */ new Set([
  'stash_type',
  'hidden_size',
  'seed',
  'storage_order',
  'consumed_inputs',
  'saturate',
  'is_test',
  'precision',
  'softmax_precision',
  'momentum',
  'ratio',
  'spatial',
  'K',
  'N',
]);

/** Integers of 64 bits that stand for "to the end" become the ends of 32. */
function saturated(value: bigint): number {
  return Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Number(value)));
}

function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 256));
}
