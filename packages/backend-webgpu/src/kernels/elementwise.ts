import type { KernelFamily } from '../kernel';

export const elementwise: KernelFamily<never> = (_gpu) => ({});
