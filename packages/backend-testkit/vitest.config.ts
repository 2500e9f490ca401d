import { project } from '@octet/build/vitest';

// A wrong kernel for every law: a minute, on what seldom changes. .ci/run has it run.
const slow = process.env.SLOW_TESTS ? [] : ['test/wrong-integers.test.ts'];

export default project('backend-testkit', {
  setupFiles: '@octet/build/expose-gc',
  testTimeout: 30_000,
  exclude: ['**/node_modules/**', ...slow],
});
