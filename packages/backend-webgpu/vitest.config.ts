import { offerSoftwareGpu } from '@octet/build/software-gpu';
import { project } from '@octet/build/vitest';

offerSoftwareGpu();

// Conformance once more, without the instruction for four products: .ci/run has it run.
const slow = process.env.SLOW_TESTS ? [] : ['test/conformance-plain.test.ts'];

export default project('backend-webgpu', {
  exclude: ['**/node_modules/**', ...slow],
  setupFiles: '@octet/build/expose-gc',
  pool: 'forks',
  testTimeout: 30_000,
  hookTimeout: 30_000,
});
