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
  readonly op: string;
  readonly expected: string;
  readonly found: string;
  readonly fix: string;

  constructor({ op, expected, found, fix }: ErrorDetails, options?: ErrorOptions) {
    // What others say may end in a full stop.
    super(`${op}: expected ${expected}, found ${found.replace(/\.$/, '')}. ${fix}`, options);
    this.op = op;
    this.expected = expected;
    this.found = found;
    this.fix = fix;
  }
}

/** Shapes, ranks or lengths that don't fit. */
export class ShapeError extends OctetError {
  override readonly name = 'ShapeError';
}

/** A dtype that the op can't take. */
export class DTypeError extends OctetError {
  override readonly name = 'DTypeError';
}

/** An argument outside its allowed values. */
export class ArgumentError extends OctetError {
  override readonly name = 'ArgumentError';
}

/** Tensors of different backends met, or a backend can't do what was asked. */
export class BackendError extends OctetError {
  // A string, so that a backend's own errors can extend it.
  override readonly name: string = 'BackendError';
}

/** A backend lacks a kernel and has no fallback that may run it. */
export class MissingKernelError extends OctetError {
  override readonly name = 'MissingKernelError';
}

/** A buffer or tensor was used, or freed again, after it had been freed. */
export class FreedError extends OctetError {
  override readonly name = 'FreedError';
}

/** `backward` or `grad` can't run: no graph, or a graph that is gone. */
export class AutogradError extends OctetError {
  override readonly name = 'AutogradError';
}

/** A module, state dict or optimizer doesn't fit what it is given. */
export class ModuleError extends OctetError {
  override readonly name = 'ModuleError';
}

/** A quantization recipe that can't work: wrong observer, wrong mode, not calibrated, bad scale. */
export class QuantizationError extends OctetError {
  override readonly name = 'QuantizationError';
}
