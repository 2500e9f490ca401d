import type { Backend } from '@octet/backend';
import { createHostBackend } from './create';
import type { HostBuffer } from './host-buffer';
import { kernels } from './table';

/**
 * The reference: every kernel of the table in plain JavaScript, on ordinary typed arrays, for every dtype. What it
 * computes is what the kernels mean; other backends are tested against it.
 */
export const referenceBackend: Backend<HostBuffer> = {
  ...createHostBackend(kernels),
  profiles: ['inference-int8', 'inference-float', 'training'],
};
