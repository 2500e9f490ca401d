import { callsOf, compositeOf, type Term } from '@octet/backend';
import type { AnyNodeBuilder, Operand } from './builder';

/** A kernel that has no line of its own, by the composite of it: nodes of the kernels that it is made of. */
export function composed(
  kernel: string,
  builders: Readonly<Record<string, AnyNodeBuilder | undefined>>,
): AnyNodeBuilder | undefined {
  const composite = compositeOf(kernel);
  if (!composite) return undefined;
  return (graph, given, y, attrs) => {
    const { inputs, output } = composite.express(attrs);
    const values = new Map<Term, Operand>();
    for (const [label, term] of Object.entries(inputs)) values.set(term, given[label]);
    for (const call of callsOf(output)) {
      const operands = Object.entries(call.inputs).map(([label, t]) => [label, values.get(t) as Operand]);
      const build = builders[call.kernel as string] as AnyNodeBuilder;
      const value = build(graph, Object.fromEntries(operands), y, call.attrs);
      values.set(call, { value, tensor: y.tensor, physical: y.physical });
    }
    return (values.get(output) as Operand).value;
  };
}
