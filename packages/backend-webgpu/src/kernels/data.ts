import type { KernelFamily } from '../kernel';

export const data: KernelFamily<never> = (_gpu) => ({});
