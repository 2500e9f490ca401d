/** The conformance suite that any Octet backend runs to prove its kernels and its storage. */
export { type CheckCaseOptions, checkCase } from './check-case';
export { ConformanceError } from './compare';
export { laws } from './laws';
export type { Law } from './laws/law';
export { checkKernel, type TestBackendOptions, testBackend } from './test-backend';
export { withoutSyncReads } from './without-sync-reads';
