import type { Graph, Value } from './graph';

/** What everything in a graph is called in the file: every value once, every node as its first output. */
export class Names {
  private readonly names = new Map<Value, string>();
  private readonly taken = new Set<string>();

  /** Inputs and outputs have the first choice, then the tensors of the model, then nodes. */
  constructor(graph: Graph) {
    const numbered = (base: string, values: readonly Value[]) => {
      values.forEach((v, i) => {
        this.give(v, values.length === 1 ? base : `${base}_${i}`);
      });
    };
    numbered('input', graph.inputs);
    numbered('output', graph.outputs);
    for (const { inputs } of graph.nodes) {
      for (const v of inputs) if (v?.constant?.name) this.give(v, v.constant.name);
    }
    for (const { op, scope, outputs } of graph.nodes) {
      for (const v of outputs) this.give(v, scope ? `${scope}/${op}` : op);
    }
  }

  of(value: Value): string {
    const name = this.names.get(value);
    if (name === undefined) throw new Error('octet: a value of the graph has no name');
    return name;
  }

  /** Names `value`, unless it has a name; as `twin`, if there is one. */
  give(value: Value, wanted: string, twin?: Value): void {
    if (!this.names.has(value)) this.names.set(value, twin ? this.of(twin) : this.unique(wanted));
  }

  private unique(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.taken.has(name); i++) name = `${wanted}_${i}`;
    this.taken.add(name);
    return name;
  }
}
