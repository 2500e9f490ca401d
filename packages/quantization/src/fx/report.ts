import type { Graph } from '@octet/nn/graph';
import type { AnyGraphModule } from './graph-editor';
import type { FloatReason } from './placement';

/** A node of a graph, and how it runs. */
export interface QuantizationRow {
  /** The path of the layer, or the node's name. */
  readonly name: string;
  /** The class of the layer, or the operator. */
  readonly type: string;
  readonly runs: 'int8' | 'float';
  /** Why, in float. */
  readonly reason?: FloatReason;
  /** Elements of its weights. */
  readonly weights: number;
}

/** What `prepareFx` and `prepareQatFx` placed where. `String(report)` says it to people, what stays in float first. */
export class QuantizationReport {
  constructor(readonly rows: readonly QuantizationRow[]) {}

  /** The layers and functions that stay in float. */
  get inFloat(): readonly QuantizationRow[] {
    return this.rows.filter(({ runs }) => runs === 'float');
  }

  /** The part of all weights that are int8, from 0 to 1; 1 without any. */
  get quantizedWeights(): number {
    const sum = (rows: readonly QuantizationRow[]) => rows.reduce((n, { weights }) => n + weights, 0);
    const all = sum(this.rows);
    return all === 0 ? 1 : 1 - sum(this.inFloat) / all;
  }

  toString(): string {
    const { rows, inFloat } = this;
    const part = `${(100 * this.quantizedWeights).toFixed(1)} % of the weights`;
    const head = `${rows.length - inFloat.length} of ${rows.length} layers and functions in int8, ${part}; ${inFloat.length} in float`;
    const width = (of: (row: QuantizationRow) => string) =>
      inFloat.reduce((w, row) => Math.max(w, of(row).length), 0);
    const [names, types] = [width(({ name }) => name), width(({ type }) => type)];
    return [
      head + (inFloat.length > 0 ? ':' : '.'),
      ...inFloat.map(
        ({ name, type, reason, weights }) =>
          `  ${name.padEnd(names)}  ${type.padEnd(types)}  ${reason}${weights > 0 ? `, ${weights} weights` : ''}`,
      ),
    ].join('\n');
  }
}

/** Of graphs: what a model is made of is the same for its clones, and for what `convert` makes of it. */
const reports = new WeakMap<Graph, QuantizationReport>();

export function setReport(model: AnyGraphModule, report: QuantizationReport): void {
  reports.set(model.graph, report);
}

/** What of a model runs in int8, and why the rest doesn't; undefined unless it comes from `prepareFx` or `prepareQatFx`. */
export function quantizationReport(model: AnyGraphModule): QuantizationReport | undefined {
  return reports.get(model.graph);
}
