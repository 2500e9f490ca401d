import type { KernelFamily } from '../kernel';

export const quantize: KernelFamily<never> = (_gpu) => ({});
