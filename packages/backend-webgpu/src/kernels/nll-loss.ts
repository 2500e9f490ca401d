import type { KernelFamily } from '../kernel';

export const nllLoss: KernelFamily<never> = (_gpu) => ({});
