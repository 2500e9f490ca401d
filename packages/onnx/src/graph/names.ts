import type { Graph, Node, Value } from './graph';

/** What the inputs and outputs of a graph are called; undefined: `input`, `output`, numbered if there are several. */
export interface PortNames {
  readonly inputs?: readonly string[] | undefined;
  readonly outputs?: readonly string[] | undefined;
}

/** What everything in a graph is called in the file: values by numbers, nodes after the modules that they come from. */
export class Names {
  private readonly names = new Map<Value, string>();
  private readonly taken = new Set<string>();
  private readonly takenByNodes = new Set<string>();
  private readonly nodes = new Map<Node, string>();
  private count = 0;

  /** Inputs and outputs have the first choice, by the names asked for, then the tensors of the model, then nodes. */
  constructor(graph: Graph, { inputs, outputs }: PortNames) {
    const numbered = (base: string, values: readonly Value[], asked: readonly string[] | undefined) => {
      values.forEach((v, i) => {
        this.give(v, asked?.[i] ?? (values.length === 1 ? base : `${base}_${i}`));
      });
    };
    numbered('input', graph.inputs, inputs);
    numbered('output', graph.outputs, outputs);
    for (const { inputs } of graph.nodes) {
      for (const v of inputs) {
        const name = v?.constant?.name;
        if (v && name) this.give(v, isLongParameter(name) ? String(this.count++) : name);
      }
    }
    // A name that says where it comes from stands in the file once: in large graphs they would be most of it.
    for (const node of graph.nodes) {
      const { op, scope, outputs } = node;
      const isSaid = scope.length > LONG && node.inputs.some((v) => isOf(scope, v));
      if (!isSaid && !/^(Dequantize|Quantize)Linear$/.test(op))
        this.nodes.set(node, unique(this.takenByNodes, scope ? `${scope}/${op}` : op));
      for (const v of outputs) this.give(v, String(this.count++));
    }
  }

  /** '' for what only quantizes, and where the weight's name is long and says it. */
  ofNode(node: Node): string {
    return this.nodes.get(node) ?? '';
  }

  of(value: Value): string {
    const name = this.names.get(value);
    if (name === undefined) throw new Error('octet: a value of the graph has no name');
    return name;
  }

  /** Names `value`, unless it has a name. */
  give(value: Value, wanted: string): void {
    if (!this.names.has(value)) this.names.set(value, unique(this.taken, wanted));
  }
}

/** `wanted`, or it with a number. */
function unique(taken: Set<string>, wanted: string): string {
  let name = wanted;
  for (let i = 1; taken.has(name); i++) name = `${wanted}_${i}`;
  taken.add(name);
  return name;
}

const LONG = 32;

/** Whether the name of a weight, or of its integers, says the module. */
function isOf(scope: string, value: Value | undefined): boolean {
  const weight = value?.node?.op === 'DequantizeLinear' ? value.node.inputs[0] : value;
  return weight?.constant?.name.startsWith(`${scope}.`) ?? false;
}

/** Whether a name is a long one of a scale or zero point: each tensor has two of them. */
function isLongParameter(name: string): boolean {
  return name.length > LONG && /[._](scale|zero_point)$/.test(name);
}
