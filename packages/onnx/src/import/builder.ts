import { checkOptions, OctetError } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import type { AnyModule } from '@octet/nn';
import { noGrad, type Tensor } from '@octet/tensor';
import { cannotImport, OnnxImportError, withoutThem } from '../errors';
import {
  Graph,
  type GraphFunction,
  type GraphInput,
  GraphModule,
  type GraphNode,
  Paths,
  type Slot,
} from '../graph-module';
import { type HostTensor, toHost, withLimit } from '../host-tensor';
import type { AttributeProto, FunctionProto, GraphProto, NodeProto, TensorProto } from '../onnx.generated';
import { layerName } from './names';
import {
  type Building,
  type CallOptions,
  type LayerOptions,
  OnnxNode,
  type Operand,
  type OperandBody,
  operandName,
  type Sequence,
  Unsupported,
} from './node';
import { graphsIn, type OnnxFile } from './read';
import { normalDomain, type OperatorTable } from './table';
import { dtypeOf, fileDtypeOf, readTensor, share } from './tensors';
import { settle } from './weights';

/** Elements of a constant that is worked out, unless its operands have as many. */
const FOLDED_ELEMENTS = 2 ** 20;
/** Nodes of a model, its functions written out. */
const MAX_NODES = 2 ** 18;
/** How deep graphs and functions may lie in each other. */
const MAX_DEPTH = 32;

/** The version of the operators that others are written out in, at least. */
const EXPANDED = 13;

/** What the names of a graph mean, and those of the graph around it. */
class Names {
  private readonly operands = new Map<string, Operand>();
  /** Initializers, which are read when they are asked for. */
  readonly initializers = new Map<string, TensorProto>();
  /** How many dims the file says that values have. Their sizes, which exporters often get from an example, are not looked at. */
  readonly ranks = new Map<string, number>();

  constructor(
    readonly opsets: ReadonlyMap<string, number>,
    readonly outer?: Names,
    /** Attributes of the function that is written out here. */
    readonly attributes?: ReadonlyMap<string, AttributeProto>,
  ) {}

  set(name: string, operand: Operand): void {
    this.operands.set(name, operand);
  }

  get(name: string, read: (proto: TensorProto) => Operand): Operand | undefined {
    const known = this.operands.get(name);
    if (known) return known;
    const proto = this.initializers.get(name);
    if (!proto) return this.outer?.get(name, read);
    const operand = read(proto);
    this.operands.set(name, operand);
    return operand;
  }
}

export interface BuildOptions {
  readonly table: OperatorTable;
  readonly bound: ReadonlyMap<string, HostTensor>;
  readonly dims: Readonly<Record<string, number>>;
}

/** Makes a `GraphModule` of a file. */
export class Builder implements Building {
  private names: Names;
  private nodes: GraphNode[] = [];
  private depth = 0;
  private slots = 0;
  private made = 0;
  /** Elements that constants may still take. */
  private budget: number;
  private readonly constants = new Map<Slot, Operand>();
  private readonly onHost = new Set<Slot>();
  private readonly read = new Map<TensorProto, HostTensor>();
  private readonly slotNames = new Map<Slot, string>();
  /** Layers by their keys in the nodes: they get their names when it is known which stay. */
  private readonly layers = new Map<string, { readonly module: AnyModule; readonly name: string }>();
  private readonly paths = new Paths();
  private readonly nodeNames = new Map<string, number>();
  private readonly unsupported = new Map<string, string[]>();
  private readonly functions = new Map<string, FunctionProto>();
  /** How many nodes read a name, in whatever graph. */
  private readonly readers = new Map<string, number>();

  constructor(
    private readonly file: OnnxFile,
    private readonly options: BuildOptions,
  ) {
    this.budget = 16 * FOLDED_ELEMENTS + 4 * file.size;
    this.names = new Names(opsetsOf(file.model.opsetImport));
    for (const f of file.model.functions) {
      this.functions.set(functionKey(f.domain, f.name, f.overload), f);
      this.countReaders(f.node, f.output);
    }
    this.countGraph(file.graph);
  }

  private countGraph({ node, output }: GraphProto): void {
    this.countReaders(
      node,
      output.map(({ name }) => name),
    );
  }

  private countReaders(nodes: readonly NodeProto[], outputs: readonly string[]): void {
    const count = (name: string) => this.readers.set(name, (this.readers.get(name) ?? 0) + 1);
    // What a graph gives is read by whoever asked for it.
    for (const name of outputs) for (const _ of [1, 2]) count(name);
    for (const node of nodes) {
      for (const name of node.input) count(name);
      for (const graph of graphsIn(node)) this.countGraph(graph);
    }
  }

  isReadOnce({ slot }: Operand): boolean {
    const name = this.slotNames.get(slot);
    return name !== undefined && this.readers.get(name) === 1;
  }

  /** @throws OnnxImportError */
  build(): GraphModule<Tensor | Tensor[]> {
    const { graph } = this.file;
    this.declare(graph);
    const inputs = this.graphInputs(graph);
    this.run(graph.node);
    this.report();
    if (graph.output.length === 0)
      throw cannotImport(undefined, { expected: 'a graph with outputs', found: 'none' });
    const outputs = graph.output.map(({ name, type }) => ({
      name,
      slot: this.tensorNamed(name, 'the output').slot,
      ...(type?.value.case === 'tensorType' && { fileDtype: fileDtypeOf(type.value.value.elemType) }),
    }));
    const children = new Map<string, AnyModule>();
    const nodes = this.named(withoutDead(this.nodes, new Set(outputs.map(({ slot }) => slot))), children);
    const used = new Set([...outputs.map(({ slot }) => slot), ...nodes.flatMap(slotsOf)]);
    const constants = new Map<Slot, HostTensor>();
    const buffers = new Map<Slot, string>();
    const tensors = new Map<string, Tensor>();
    for (const slot of used) {
      const { constant, name } = this.constants.get(slot) ?? {};
      if (!constant) continue;
      if (constant.dtype === 'float32' && constant.numel > 1 && !this.onHost.has(slot)) {
        const path = this.paths.take(layerName('', name ?? 'constant'));
        buffers.set(slot, path);
        tensors.set(path, constant.tensor());
      } else constants.set(slot, constant.detached());
    }
    return new GraphModule(
      new Graph({ inputs, outputs, nodes, constants, buffers, names: this.slotNames }),
      children,
      tensors,
    );
  }

  /** The nodes with the paths of their layers, which go into `children`. */
  private named(nodes: readonly GraphNode[], children: Map<string, AnyModule>): GraphNode[] {
    return nodes.map((node) => {
      const layer = typeof node.target === 'string' ? this.layers.get(node.target) : undefined;
      const path = layer && this.paths.take(layer.name);
      if (layer && path !== undefined) {
        settle(layer.module);
        children.set(path, layer.module);
      }
      const bodies = node.bodies?.map((body) => ({ ...body, nodes: this.named(body.nodes, children) }));
      return { ...node, target: path ?? node.target, ...(bodies && { bodies }) };
    });
  }

  // ---- graphs

  private declare(graph: GraphProto): void {
    for (const proto of graph.initializer) this.names.initializers.set(proto.name, proto);
    for (const { name, type } of graph.valueInfo) {
      const shape = type?.value.case === 'tensorType' ? type.value.value.shape : undefined;
      if (shape) this.names.ranks.set(name, shape.dim.length);
    }
    const [sparse] = graph.sparseInitializer;
    if (sparse)
      throw cannotImport(sparse.values?.name, {
        expected: 'dense weights',
        found: 'sparse ones',
        fix: 'Export the model with dense weights.',
      });
  }

  private graphInputs(graph: GraphProto): GraphInput[] {
    const { bound, dims } = this.options;
    const inputs: GraphInput[] = [];
    const named = new Set<string>();
    for (const { name, type } of graph.input) {
      const value = bound.get(name);
      named.add(name);
      if (value) {
        this.names.initializers.delete(name);
        this.names.set(name, this.constant(value, name));
        continue;
      }
      if (this.names.initializers.has(name)) continue;
      if (type?.value.case !== 'tensorType') {
        throw cannotImport(`input '${name}'`, {
          expected: 'a tensor',
          found: type?.value.case ?? 'no type',
          fix: 'Octet has no sequences, maps and optionals: export the model without.',
        });
      }
      const { elemType, shape: declared } = type.value.value;
      const dtype = dtypeOf(elemType);
      if (!dtype)
        throw cannotImport(`input '${name}'`, {
          expected: 'numbers',
          found: `type ${elemType}`,
          fix: 'Convert the model to numeric inputs.',
        });
      const shape = declared?.dim.map(({ value: d }) =>
        d.case === 'dimValue' ? Number(d.value) : (d.value ?? '?'),
      );
      const sizes = shape?.map((d) =>
        typeof d === 'string' && Object.hasOwn(dims, d) ? dims[d] : undefined,
      );
      const slot = this.slot(name);
      this.names.set(name, { slot, rank: shape?.length, dtype, name });
      inputs.push({
        name,
        slot,
        dtype,
        fileDtype: fileDtypeOf(elemType),
        shape,
        sizes: sizes?.some((d) => d !== undefined) ? sizes : undefined,
      });
    }
    for (const name of bound.keys()) {
      if (named.has(name)) continue;
      const known = [...named].filter((n) => !this.names.initializers.has(n));
      throw cannotImport(undefined, {
        expected: `inputs among ${known.join(', ')}`,
        found: `'${name}'`,
        fix: 'Correct the name in the option inputs.',
      });
    }
    const symbols = new Set(inputs.flatMap(({ shape }) => shape ?? []));
    for (const name of Object.keys(dims)) {
      if (symbols.has(name)) continue;
      throw cannotImport(undefined, {
        expected: `dims among ${[...symbols].filter((s) => typeof s === 'string').join(', ') || 'none'}`,
        found: `'${name}'`,
        fix: 'Correct the name in the option dims.',
      });
    }
    return inputs;
  }

  private find(name: string, what: string): Operand {
    const found = this.names.get(name, (proto) =>
      this.constant(this.tensor(proto, `initializer '${proto.name}'`), proto.name),
    );
    if (found) return found;
    throw cannotImport(undefined, {
      expected: `a value '${name.slice(0, 120)}' for ${what}`,
      found: 'none of this name',
    });
  }

  /** As `find`, of what can be no list. */
  private tensorNamed(name: string, what: string): Operand {
    const found = this.find(name, what);
    this.requireTensors(`${what} '${name.slice(0, 120)}'`, [found]);
    return found;
  }

  private run(nodes: readonly NodeProto[]): void {
    for (const proto of nodes) this.add(proto);
  }

  private add(proto: NodeProto): void {
    if (++this.made > MAX_NODES)
      throw cannotImport(undefined, { expected: `at most ${MAX_NODES} nodes`, found: 'more' });
    const { names } = this;
    const label = `${proto.opType} '${(proto.name || proto.output[0] || '').slice(0, 120)}'`;
    const attributes = resolve(proto.attribute, names.attributes);
    const inputs = proto.input.map((name) => (name === '' ? undefined : this.find(name, label)));
    const domain = normalDomain(proto.domain);
    const body = this.functions.get(functionKey(domain, proto.opType, proto.overload));
    let results: readonly Operand[];
    let source: OnnxNode | undefined;
    try {
      const version = names.opsets.get(domain) ?? (domain === '' ? 1 : Number.POSITIVE_INFINITY);
      const row = this.options.table.find(domain, proto.opType, version);
      if (row) {
        const node = new OnnxNode(proto, version, inputs, attributes, this);
        for (let i = 0; i < (row.inputs ?? 1); i++) node.input(i);
        source = node;
        const made = row.import(node);
        node.checkAttributes();
        results = Array.isArray(made) ? (made as Operand[]) : [made as Operand];
      } else if (body) results = this.inlineFunction(body, inputs, attributes);
      else {
        const has = this.options.table.versions(domain, proto.opType);
        throw new Unsupported(label, has ? `version ${version} (Octet has ${has})` : '');
      }
    } catch (error) {
      results = this.failed(error, proto, label);
    }
    for (const [i, name] of proto.output.entries()) {
      if (name === '') continue;
      const result = results[i];
      if (!result)
        throw cannotImport(label, { expected: `${results.length} outputs`, found: `an output ${i}` });
      const rank = result.rank ?? (result.constant ? result.constant.dim : names.ranks.get(name));
      names.set(name, result.source || result.constant ? { ...result, rank } : { ...result, rank, source });
      if (!result.name) this.slotNames.set(result.slot, name);
    }
  }

  /** What is unsupported is noted, and the build goes on to find the rest; other errors name the node. */
  private failed(error: unknown, proto: NodeProto, label: string): readonly Operand[] {
    if (error instanceof Unsupported) {
      const domain = normalDomain(proto.domain);
      const key = `${domain ? `${domain}.` : ''}${proto.opType}${error.what ? `, ${error.what}` : ''}`;
      this.unsupported.set(key, [...(this.unsupported.get(key) ?? []), proto.name || proto.output[0] || '?']);
      return proto.output.map((name) => ({ slot: this.slot(name) }));
    }
    if (error instanceof OctetError && !(error instanceof OnnxImportError)) {
      const { expected, found, fix } = error;
      throw cannotImport(`${label}: ${error.op}`, { expected, found, fix }, { cause: error });
    }
    throw error;
  }

  private report(): void {
    if (this.unsupported.size === 0) return;
    const lines = [...this.unsupported].map(([what, nodes]) => {
      const some = nodes
        .slice(0, 4)
        .map((n) => `'${n.slice(0, 80)}'`)
        .join(', ');
      return `${what}: ${nodes.length} × (${some}${nodes.length > 4 ? ', …' : ''})`;
    });
    const shown = lines.slice(0, 40);
    throw cannotImport(undefined, {
      expected: 'operators that Octet has',
      found: `others:\n  ${shown.join('\n  ')}${lines.length > shown.length ? '\n  …' : ''}`,
      fix: withoutThem,
    });
  }

  private inlineFunction(
    body: FunctionProto,
    inputs: readonly (Operand | undefined)[],
    given: readonly AttributeProto[],
  ): Operand[] {
    const attributes = new Map([...body.attributeProto, ...given].map((a) => [a.name, a]));
    const inner = new Names(opsetsOf(body.opsetImport), undefined, attributes);
    for (const [i, name] of body.input.entries()) {
      const operand = inputs[i];
      if (operand) inner.set(name, operand);
    }
    return this.within(inner, () => {
      this.run(body.node);
      return body.output.map((name) => this.find(name, 'the output of a function'));
    });
  }

  inline(graph: GraphProto): Operand[] {
    return this.within(new Names(this.names.opsets, this.names, this.names.attributes), () => {
      this.declare(graph);
      this.run(graph.node);
      return graph.output.map(({ name }) => this.find(name, 'the output of a branch'));
    });
  }

  expand(node: OnnxNode, nodes: readonly NodeProto[], outputs: readonly string[]): Operand[] {
    this.countReaders(nodes, []);
    const opsets = new Map([['', Math.max(this.names.opsets.get('') ?? 0, EXPANDED)]]);
    const inner = new Names(opsets);
    for (const [i, operand] of node.inputs.entries()) if (operand) inner.set(operandName(i), operand);
    return this.within(inner, () => {
      this.run(nodes);
      return outputs.map((name) => this.find(name, node.label));
    });
  }

  body(_node: OnnxNode, graph: GraphProto): OperandBody {
    const before = this.nodes;
    this.nodes = [];
    try {
      return this.within(new Names(this.names.opsets, this.names, this.names.attributes), () => {
        this.declare(graph);
        const inputs = graph.input
          .filter(({ name }) => !this.names.initializers.has(name))
          .map(({ name, type }) => {
            const t = type?.value.case === 'tensorType' ? type.value.value : undefined;
            const operand = { slot: this.slot(name), name, rank: t?.shape?.dim.length };
            this.names.set(name, operand);
            return operand;
          });
        this.run(graph.node);
        const outputs = graph.output.map(({ name }) => this.tensorNamed(name, 'the output of a body'));
        return { inputs, outputs, nodes: this.nodes };
      });
    } finally {
      this.nodes = before;
    }
  }

  private within<T>(names: Names, fn: () => T): T {
    const before = this.names;
    if (++this.depth > MAX_DEPTH)
      throw cannotImport(undefined, {
        expected: `graphs and functions at most ${MAX_DEPTH} deep in each other`,
        found: 'deeper ones',
      });
    this.names = names;
    try {
      return fn();
    } finally {
      this.names = before;
      this.depth--;
    }
  }

  // ---- what rows ask for

  call(
    node: OnnxNode,
    fn: GraphFunction,
    inputs: readonly (Operand | undefined)[],
    options: CallOptions,
  ): Operand[] {
    const {
      outputs = 1,
      fold = true,
      op = node.op,
      rank,
      host = [],
      bodies,
      attributes,
    } = checkOptions('OnnxNode.call', options, 'outputs rank fold host op bodies attributes');
    if (fold && !bodies && inputs.every((i) => !i || i.constant)) {
      const folded = this.fold(fn, inputs, outputs);
      if (folded) return folded.map((value) => this.constant(value, node.outputs[0]));
    }
    for (const i of host) {
      const slot = inputs[i]?.slot;
      if (slot !== undefined) this.onHost.add(slot);
    }
    this.requireTensors(node.label, inputs);
    const slots = Array.from({ length: outputs }, () => this.slots++);
    this.nodes.push({
      name: this.nodeName(node),
      op,
      inputs: inputs.map((i) => i?.slot),
      outputs: slots,
      target: fn,
      ...(attributes && { attributes }),
      ...(bodies && {
        bodies: bodies.map((body) => ({
          inputs: body.inputs.map(({ slot }) => slot),
          outputs: body.outputs.map(({ slot }) => slot),
          nodes: body.nodes as GraphNode[],
        })),
      }),
    });
    return slots.map((slot, i) => ({ slot, rank: i === 0 ? rank : undefined }));
  }

  /** @throws Unsupported for a list where only tensors can be */
  private requireTensors(where: string, operands: readonly (Operand | undefined)[]): void {
    if (operands.some((o) => o?.sequence)) throw new Unsupported(where, 'a sequence here');
  }

  /** The results for constant operands; undefined if they are too large, or it fails: then that shows when it runs. */
  private fold(
    fn: GraphFunction,
    inputs: readonly (Operand | undefined)[],
    outputs: number,
  ): HostTensor[] | undefined {
    const given = inputs.map((i) => i?.constant);
    const largest = given.reduce((n, c) => Math.max(n, c?.numel ?? 0), FOLDED_ELEMENTS);
    if (this.budget <= 0) return undefined;
    try {
      const made = withLimit(Math.min(largest, this.budget), () =>
        noGrad(() => fn(given, { backend: referenceBackend, body: () => [] })),
      );
      const results = (Array.isArray(made) ? made : [made]).map(toHost);
      if (results.length < outputs) return undefined;
      for (const r of results) this.budget -= r.numel;
      return results;
    } catch (error) {
      if (error instanceof OctetError) return undefined;
      throw error;
    }
  }

  layer(node: OnnxNode, module: AnyModule, inputs: readonly Operand[], options: LayerOptions): Operand[] {
    const known = 'weight rank outputs tuple attributes';
    const { weight, rank, outputs = 1, tuple, attributes } = checkOptions('OnnxNode.layer', options, known);
    this.requireTensors(node.label, inputs);
    const name = layerName(node.op, node.name || node.outputs[0] || node.op, weight?.name);
    const key = String(this.layers.size);
    this.layers.set(key, { module, name });
    const slots = Array.from({ length: outputs }, () => this.slots++);
    this.nodes.push({
      name: this.nodeName(node),
      op: node.op,
      inputs: inputs.map(({ slot }) => slot),
      outputs: slots,
      target: key,
      ...(tuple !== undefined && { tuple }),
      ...((weight?.steps || attributes) && {
        attributes: { ...attributes, ...(weight?.steps && { weightScale: weight.steps.data }) },
      }),
    });
    return slots.map((slot, i) => ({ slot, rank: i === 0 ? rank : undefined }));
  }

  constant(value: HostTensor, name?: string): Operand {
    const operand = { slot: this.slots++, constant: value, rank: value.dim, dtype: value.dtype, name };
    this.constants.set(operand.slot, operand);
    if (name) this.slotNames.set(operand.slot, name);
    return operand;
  }

  list(sequence: Sequence): Operand {
    return { slot: this.slots++, sequence };
  }

  tensor(proto: TensorProto, where: string): HostTensor {
    const known = this.read.get(proto);
    if (known) share(known);
    const t = known ?? readTensor(proto, where, this.file.read, this.file.own);
    this.read.set(proto, t);
    return t;
  }

  private slot(name: string): Slot {
    const slot = this.slots++;
    this.slotNames.set(slot, name);
    return slot;
  }

  private nodeName(node: OnnxNode): string {
    const wish = node.name || node.outputs.find((name) => name !== '') || node.op;
    const count = this.nodeNames.get(wish) ?? 0;
    this.nodeNames.set(wish, count + 1);
    return count === 0 ? wish : `${wish} (${count + 1})`;
  }
}

function opsetsOf(list: readonly { domain: string; version: bigint }[]): Map<string, number> {
  return new Map(list.map(({ domain, version }) => [normalDomain(domain), Number(version)]));
}

function functionKey(domain: string, name: string, overload: string): string {
  return `${normalDomain(domain)}:${name}:${overload}`;
}

/** Attributes with those of the function in the place of references to them. */
function resolve(
  list: readonly AttributeProto[],
  outer: ReadonlyMap<string, AttributeProto> | undefined,
): AttributeProto[] {
  return list.flatMap((a) => {
    if (a.refAttrName === '') return [a];
    const found = outer?.get(a.refAttrName);
    return found ? [{ ...found, name: a.name }] : [];
  });
}

function slotsOf(node: GraphNode): Slot[] {
  const inner = (node.bodies ?? []).flatMap((b) => [...b.outputs, ...b.nodes.flatMap(slotsOf)]);
  return [...node.inputs.filter((slot) => slot !== undefined), ...inner];
}

/** The nodes that the outputs need. */
function withoutDead(nodes: readonly GraphNode[], needed: Set<Slot>): GraphNode[] {
  const kept: GraphNode[] = [];
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (!node.outputs.some((slot) => needed.has(slot))) continue;
    const bodies = node.bodies?.map((b) => ({ ...b, nodes: withoutDead(b.nodes, new Set(b.outputs)) }));
    const whole = bodies ? { ...node, bodies } : node;
    for (const slot of slotsOf(whole)) needed.add(slot);
    kept.push(whole);
  }
  return kept.reverse();
}
