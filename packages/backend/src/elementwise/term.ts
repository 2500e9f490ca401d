/**
 * Composites: a kernel of the table as an expression of others, which runs where a backend has no kernel of its own.
 * Each function below makes a term of one kernel call; terms that are used twice are computed once.
 */

/** A tensor [n] in an expression: an input of the composite, or the output of a kernel. */
export interface Term {
  /** undefined for an input. */
  readonly kernel?: string;
  readonly inputs: Readonly<Record<string, Term>>;
  readonly attrs: object;
}

/** A term that stands for a tensor given. */
export function input(): Term {
  return { inputs: {}, attrs: {} };
}

function call(kernel: string, inputs: Readonly<Record<string, Term>>, attrs: object = {}): Term {
  return { kernel, inputs, attrs };
}

export const add = (a: Term, b: Term): Term => call('add', { a, b });
export const mul = (a: Term, b: Term): Term => call('mul', { a, b });
export const div = (a: Term, b: Term): Term => call('div', { a, b });
/** x * scale + shift */
export const affine = (x: Term, scale: number, shift: number): Term =>
  call('affine', { x }, { scale, shift });
export const abs = (x: Term): Term => call('abs', { x });
export const exp = (x: Term): Term => call('exp', { x });
export const log = (x: Term): Term => call('log', { x });
export const relu = (x: Term): Term => call('relu', { x });
export const sigmoid = (x: Term): Term => call('sigmoid', { x });
export const sign = (x: Term): Term => call('sign', { x });
export const tanh = (x: Term): Term => call('tanh', { x });
export const clamp = (x: Term, min: number, max: number): Term => call('clamp', { x }, { min, max });
/** x > 0 ? gradY : 0 */
export const reluBackward = (x: Term, gradY: Term): Term => call('reluBackward', { x, gradY });
/** min <= x <= max ? gradY : 0 */
export const clampBackward = (x: Term, gradY: Term, min: number, max: number): Term =>
  call('clampBackward', { x, gradY }, { min, max });

/** The kernel calls of an expression, operands first, each once. */
export function callsOf(term: Term, found: Set<Term> = new Set()): Set<Term> {
  if (!term.kernel) return found;
  for (const operand of Object.values(term.inputs)) callsOf(operand, found);
  return found.add(term);
}
