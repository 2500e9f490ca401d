import type { OnnxNode, Operand } from './node';

/** An operator of ONNX from one version of its operator set to another. */
export interface OnnxOperator {
  readonly op: string;
  /** '' unless given: ONNX's own. */
  readonly domain?: string;
  /** The first version of the operator set in which it means this. */
  readonly since: number;
  /** The last; absent: it still does. */
  readonly until?: number;
  /** How many of the first inputs must be there; 1. */
  readonly inputs?: number;
  /** Builds what the node computes; returns its outputs in order. */
  import(node: OnnxNode): Operand | readonly Operand[];
}

/** Operators by domain and name, with ranges of versions. */
export class OperatorTable {
  private readonly rows = new Map<string, OnnxOperator[]>();

  /** Rows that come first win. */
  constructor(...lists: readonly (readonly OnnxOperator[])[]) {
    for (const row of lists.flat()) {
      const key = keyOf(row.domain ?? '', row.op);
      this.rows.set(key, [...(this.rows.get(key) ?? []), row]);
    }
  }

  /** Whether it has any version of an operator. */
  has(domain: string, op: string): boolean {
    return this.rows.has(keyOf(domain, op));
  }

  find(domain: string, op: string, version: number): OnnxOperator | undefined {
    return this.rows
      .get(keyOf(domain, op))
      ?.find(({ since, until = Number.POSITIVE_INFINITY }) => since <= version && version <= until);
  }

  /** The ranges of versions that it has of an operator: `6 to 12, 13 and later`. */
  versions(domain: string, op: string): string {
    const rows = [...(this.rows.get(keyOf(domain, op)) ?? [])].sort((a, b) => a.since - b.since);
    return rows
      .map(({ since, until }) => (until === undefined ? `${since} and later` : `${since} to ${until}`))
      .join(', ');
  }
}

function keyOf(domain: string, op: string): string {
  return `${normalDomain(domain)}:${op}`;
}

/** ONNX's own domain has two names. */
export function normalDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}
