import type { Backend, KernelFn, KernelTensor } from '../backend';
import type { KernelName, KernelTable } from '../kernel-table';
import { compositeOf } from './lists';
import { callsOf, type Term } from './term';

/**
 * The kernel `name` made of other kernels of the same backend; undefined for kernels without a composite, and where the
 * backend lacks one of those.
 */
export function composedKernel<N extends KernelName>(
  backend: Backend,
  name: N,
): KernelFn<KernelTable[N], unknown> | undefined {
  const composite = compositeOf(name);
  if (!composite) return undefined;
  const kernels = backend.kernels as Readonly<Record<string, unknown>>;
  for (const kernel of composite.kernels) if (typeof kernels[kernel] !== 'function') return undefined;
  return ((tensors: Tensors, attrs: object) => {
    const { inputs, output } = composite.express(attrs);
    const values = new Map(Object.entries(inputs).map(([label, term]) => [term, tensors[label]]));
    evaluate(backend, output, values, tensors.gradX ?? tensors.y);
  }) as KernelFn<KernelTable[N], unknown>;
}

type Tensors = Readonly<Record<string, KernelTensor>>;

/** Writes the value of `term` to `output`. What comes between is allocated, and freed after its last use. */
function evaluate(backend: Backend, term: Term, values: Map<Term, KernelTensor>, output: KernelTensor): void {
  const kernels = backend.kernels as Readonly<Record<string, (tensors: Tensors, attrs: object) => void>>;
  const { dtype, shape } = output;
  const length = shape.reduce((n, d) => n * d, 1);
  const calls = [...callsOf(term)];
  const uses = new Map<Term, number>();
  for (const { inputs } of calls) {
    for (const operand of Object.values(inputs)) uses.set(operand, (uses.get(operand) ?? 0) + 1);
  }
  const own = new Set<Term>();
  const release = (of: Term) => {
    if (own.delete(of)) backend.free((values.get(of) as KernelTensor).buffer);
  };
  try {
    for (const at of calls) {
      const y = at === term ? output : { buffer: backend.allocate(dtype, length), dtype, shape };
      values.set(at, y);
      if (y !== output) own.add(at);
      const operands = Object.entries(at.inputs);
      const tensors = Object.fromEntries(
        operands.map(([label, t]) => [label, values.get(t) as KernelTensor]),
      );
      const kernel = at.kernel as string;
      kernels[kernel]({ ...tensors, [kernel.endsWith('Backward') ? 'gradX' : 'y']: y }, at.attrs);
      for (const [, operand] of operands) {
        const left = (uses.get(operand) as number) - 1;
        uses.set(operand, left);
        if (left === 0) release(operand);
      }
    }
  } finally {
    for (const left of own) release(left);
  }
}
