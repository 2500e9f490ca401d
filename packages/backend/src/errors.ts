/** What every Octet error says: where, what was expected, what was found, and how to mend it. */
export interface ErrorDetails {
  /** The op, function or method that refused, as the user called it. */
  op: string;
  expected: string;
  found: string;
  /** One sentence: what to change. */
  fix: string;
}

/** The base of all errors thrown on purpose. `message` is `op: expected …, found …. fix`. */
export class OctetError extends Error {
  /** The name of the class, which minifiers leave alone. */
  static readonly kind: string = 'OctetError';
  override readonly name: string;
  readonly op: string;
  readonly expected: string;
  readonly found: string;
  readonly fix: string;
  /** The module whose forward threw it: its path from the module that was called ('' for that one), and its class. */
  module: { path: string; type: string } | undefined = undefined;

  constructor({ op, expected, found, fix }: ErrorDetails, options?: ErrorOptions) {
    // What others say may end in a full stop.
    super(`${op}: expected ${expected}, found ${found.replace(/\.$/, '')}. ${fix}`, options);
    this.name = new.target.kind;
    this.op = op;
    this.expected = expected;
    this.found = found;
    this.fix = fix;
  }

  /** Errors of another copy of the packages count, too: they go by the names of their classes. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    if (!(value instanceof Error && Object.hasOwn(this, 'kind'))) return false;
    let type: { kind?: string } | null = value.constructor as object;
    while (type && type.kind !== this.kind) type = Object.getPrototypeOf(type);
    return type !== null;
  }

  /** Says in the message in which module it was thrown: `op in path (type): expected …`. */
  placeIn(path: string, type: string): void {
    const before = this.message;
    const where = path ? `${path} (${type})` : type;
    this.module = { path, type };
    this.message = `${this.op} in ${where}${before.slice(before.indexOf(': expected '))}`;
    // Its first line is the message at the time.
    this.stack = this.stack?.replace(before, () => this.message);
  }
}

/**
 * The prototypes of Tensor, Parameter, Buffer and Module say their name under it, those of every copy of the packages: so an
 * object of another copy, which is no `instanceof`, is known for what it is.
 */
export const kind: unique symbol = Symbol.for('octet.kind') as never;

/** @throws BackendError if `value` was made by another copy of the packages than `own`: the classes here, by their kinds */
export function requireOwnCopy(
  op: string,
  value: unknown,
  own: Readonly<Record<string, abstract new (...args: never[]) => unknown>>,
): void {
  const name = (value as { readonly [kind]?: string } | null | undefined)?.[kind];
  if (!name || !own[name] || value instanceof own[name]) return;
  throw new BackendError({
    op,
    expected: `a ${name} of this copy of Octet`,
    found: 'one of another copy',
    fix: `${loadedTwice} Import it in one way, in one version.`,
  });
}

const loadedTwice = 'The package is loaded twice: as ESM and as CommonJS, or in two versions.';

/** Two tensors that should be on one backend and aren't. */
export function mixedBackends(op: string, a: { name: string }, b: { name: string }): BackendError {
  const alike = a.name === b.name;
  return new BackendError({
    op,
    expected: 'all tensors on one backend',
    found: alike ? `two backends of the name '${a.name}'` : `'${a.name}' and '${b.name}'`,
    fix: alike
      ? `Make one backend and share it, or move the tensors with tensor.to(backend). Did you make only one? ${loadedTwice}`
      : 'Move them with tensor.to(backend) or model.to(backend); setBackend() decides where new tensors live.',
  });
}

/** Shapes, ranks or lengths that don't fit. */
export class ShapeError extends OctetError {
  static override readonly kind = 'ShapeError';
  declare readonly name: 'ShapeError';
}

/** A dtype that the op can't take. */
export class DTypeError extends OctetError {
  static override readonly kind = 'DTypeError';
  declare readonly name: 'DTypeError';
}

/** An argument outside its allowed values. */
export class ArgumentError extends OctetError {
  static override readonly kind = 'ArgumentError';
  declare readonly name: 'ArgumentError';
}

/** Tensors of different backends met, or a backend can't do what was asked. */
export class BackendError extends OctetError {
  static override readonly kind = 'BackendError';
}

/** A backend lacks a kernel and has no fallback that may run it. */
export class MissingKernelError extends OctetError {
  static override readonly kind = 'MissingKernelError';
  declare readonly name: 'MissingKernelError';
}

/** A buffer or tensor was used, or freed again, after it had been freed. */
export class FreedError extends OctetError {
  static override readonly kind = 'FreedError';
  declare readonly name: 'FreedError';
}

/** `backward` or `grad` can't run: no graph, or a graph that is gone. */
export class AutogradError extends OctetError {
  static override readonly kind = 'AutogradError';
  declare readonly name: 'AutogradError';
}

/** A module, state dict or optimizer doesn't fit what it is given. */
export class ModuleError extends OctetError {
  static override readonly kind = 'ModuleError';
  declare readonly name: 'ModuleError';
}

/** A quantization recipe that can't work: wrong observer, wrong mode, not calibrated, bad scale. */
export class QuantizationError extends OctetError {
  static override readonly kind = 'QuantizationError';
  declare readonly name: 'QuantizationError';
}
