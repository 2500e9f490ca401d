import type { Kernels } from '@octet/backend';
import type { HostBuffer } from './host-buffer';
import * as all from './kernels';

const { elementwise, elementwiseKernels: _, ...others } = all;

/** Every kernel of the table. The type makes a forgotten one a compile error. */
export const kernels: Required<Kernels<HostBuffer>> = { ...elementwise, ...others };
