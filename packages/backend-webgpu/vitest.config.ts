import { offerSoftwareGpu } from '@octet/build/software-gpu';
import { project } from '@octet/build/vitest';

offerSoftwareGpu();

// A quarter of a minute and more each; conformance-plain is both profiles without the instruction for four products. .ci/run has them run.
const slow = process.env.SLOW_TESTS
  ? []
  : [
      'test/conformance-training.test.ts',
      'test/conformance-plain.test.ts',
      'test/memory.test.ts',
      'test/limits.test.ts',
      'test/int8-property.test.ts',
    ];

export default project('backend-webgpu', {
  exclude: ['**/node_modules/**', ...slow],
  setupFiles: '@octet/build/expose-gc',
  pool: 'forks',
  testTimeout: 30_000,
  hookTimeout: 30_000,
});
