import type { Backend, KernelFn, KernelTensor } from '../backend';
import type { KernelName, KernelTable } from '../kernel-table';
import { numel } from '../numel';
import type { Composite } from './composite';
import { callsOf, type Term } from './term';

/** One of the kernel calls that a composite consists of. All tensors of a composite have as many elements as its output. */
export interface ComposedCall {
  readonly kernel: KernelName;
  readonly attrs: object;
  /** By operand: an input of the whole, by its name there, or the place of the call whose output it is. */
  readonly inputs: Readonly<Record<string, string | number>>;
  /** The name that the call's output has. */
  readonly output: 'y' | 'gradX';
}

/**
 * The calls, in order, that make a kernel of other kernels of the same backend. The last one's output is that of the whole.
 * undefined where the backend lacks one of those.
 */
export function composedCalls(
  backend: Backend,
  composite: Composite,
  attrs: object,
): readonly ComposedCall[] | undefined {
  return canCompose(backend, composite) ? callsFor(composite, attrs) : undefined;
}

/** The same as one kernel. */
export function composedKernel<N extends KernelName>(
  backend: Backend,
  composite: Composite,
): KernelFn<KernelTable[N], unknown> | undefined {
  if (!canCompose(backend, composite)) return undefined;
  const kernel = (tensors: Tensors, attrs: object) => evaluate(backend, callsFor(composite, attrs), tensors);
  return kernel as KernelFn<KernelTable[N], unknown>;
}

type Tensors = Readonly<Record<string, KernelTensor>>;

function canCompose(backend: Backend, composite: Composite): boolean {
  const kernels = backend.kernels as Readonly<Record<string, unknown>>;
  for (const kernel of composite.kernels) if (typeof kernels[kernel] !== 'function') return false;
  return true;
}

function callsFor(composite: Composite, attrs: object): ComposedCall[] {
  const { inputs, output } = composite.express(attrs);
  const places = new Map<Term, string | number>(Object.entries(inputs).map(([label, term]) => [term, label]));
  return [...callsOf(output)].map((term, i) => {
    places.set(term, i);
    const kernel = term.kernel as KernelName;
    return {
      kernel,
      attrs: term.attrs,
      inputs: Object.fromEntries(
        Object.entries(term.inputs).map(([label, t]) => [label, places.get(t) as string | number]),
      ),
      output: kernel.endsWith('Backward') ? 'gradX' : 'y',
    };
  });
}

/** Runs the calls. What comes between is allocated, and freed after its last use. */
function evaluate(backend: Backend, calls: readonly ComposedCall[], tensors: Tensors): void {
  const kernels = backend.kernels as Readonly<Record<string, (tensors: Tensors, attrs: object) => void>>;
  const whole = tensors.gradX ?? tensors.y;
  const { dtype, shape } = whole;
  const length = numel(shape);
  const lastUses = new Map<string | number, number>();
  calls.forEach(({ inputs }, i) => {
    for (const operand of Object.values(inputs)) lastUses.set(operand, i);
  });
  const between = new Map<string | number, KernelTensor>();
  try {
    calls.forEach(({ kernel, attrs, inputs, output }, i) => {
      const operands = Object.fromEntries(
        Object.entries(inputs).map(([label, from]) => [label, between.get(from) ?? tensors[from]]),
      );
      const last = i === calls.length - 1;
      const y = last ? whole : { buffer: backend.allocate(dtype, length), dtype, shape };
      if (!last) between.set(i, y);
      kernels[kernel]({ ...operands, [output]: y }, attrs);
      for (const from of Object.values(inputs)) {
        const t = between.get(from);
        if (t && lastUses.get(from) === i && between.delete(from)) backend.free(t.buffer);
      }
    });
  } finally {
    for (const { buffer } of between.values()) backend.free(buffer);
  }
}
