import type { Tensor } from '@octet/tensor/functional';

/** Tensors by name, as modules hand them out and take them. */
export type StateDict = Record<string, Tensor>;
