/** The contract between Octet's ops and whatever computes them. No dependencies, no kernels. */

export * from './abort';
export * from './arguments';
export * from './backend';
export * from './buffer-checks';
export { checkIndices } from './check-indices';
export * from './dispatch';
export * from './dtype';
export * from './elementwise';
export * from './errors';
export * from './geometry';
export * from './kernel-table';
export * from './memory-plan';
export * from './node-module';
export { numel } from './numel';
export * from './program';
export * from './rounding';
export * from './sub-convolutions';
export * from './warn';
