import TotalsReporter from '@octet/build/totals';
import { project } from '@octet/build/vitest';

export default project('packaging', {
  globalSetup: './src/pack.ts',
  reporters: ['default', new TotalsReporter()],
  testTimeout: 240_000,
  hookTimeout: 240_000,
  maxConcurrency: 2,
  maxWorkers: 2,
});
