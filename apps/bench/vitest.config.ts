import { offerSoftwareGpu } from '@octet/build/software-gpu';
import { project } from '@octet/build/vitest';

offerSoftwareGpu();

// They start a hundred programs, which takes minutes: .ci/run has them run.
const slow = process.env.SLOW_TESTS
  ? []
  : ['test/cli.test.ts', 'test/measure.test.ts', 'test/onnx.test.ts', 'test/result-file.test.ts'];

export default project('bench', { testTimeout: 60_000, exclude: ['**/node_modules/**', ...slow] });
