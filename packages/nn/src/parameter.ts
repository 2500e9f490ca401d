import { checkOptions, kind } from '@octet/backend';
import { kernel, Tensor } from '@octet/tensor/functional';

/**
 * A tensor that a module learns. A module's fields that hold one are its parameters; see `Module`.
 *
 * It shares the memory of `data`, outside of the graph that made it, and keeps it alive past the end of scopes.
 * @throws DTypeError if it should require a gradient and isn't float
 */
export class Parameter extends Tensor {
  // Keeps the type apart from Tensor, so that `instanceof` narrows to it and not everything away.
  declare protected readonly kind: 'parameter';

  constructor(data: Tensor, requiresGrad = true) {
    kernel.requireTensor('Parameter', data);
    super(data.storage, data, data.dtype, data.qparams);
    this.keep();
    this.requiresGrad = requiresGrad;
  }

  override get [kind](): string {
    return 'Parameter';
  }
}

export interface BufferOptions {
  /** Whether it is part of the state dict. */
  persistent?: boolean;
  /** Whether a state dict may bring another shape, which then replaces the buffer: ranges that start out empty. */
  anyShape?: boolean;
}

/**
 * A tensor that belongs to a module and isn't learned: running statistics, ranges, tables. A module's fields that hold
 * one are its buffers. It shares the memory of `data`, outside of the graph that made it, and keeps it alive past the end
 * of scopes.
 */
export class Buffer extends Tensor {
  readonly persistent: boolean;
  readonly anyShape: boolean;

  constructor(data: Tensor, options?: BufferOptions) {
    const { persistent = true, anyShape = false } = checkOptions('Buffer', options, 'persistent anyShape');
    kernel.requireTensor('Buffer', data);
    super(data.storage, data, data.dtype, data.qparams);
    this.keep();
    this.persistent = persistent;
    this.anyShape = anyShape;
  }

  override get [kind](): string {
    return 'Buffer';
  }
}

/** Another tensor of the same kind as `like`: parameter, buffer or plain. */
export function sameKind<T extends Tensor>(like: T, data: Tensor): T;
export function sameKind(like: Tensor, data: Tensor): Tensor {
  if (like instanceof Parameter) return new Parameter(data, like.requiresGrad);
  if (like instanceof Buffer)
    return new Buffer(data, { persistent: like.persistent, anyShape: like.anyShape });
  return data;
}
