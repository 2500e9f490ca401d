import TotalsReporter from '@octet/build/totals';
import { project } from '@octet/build/vitest';

export default project('packaging', {
  reporters: ['default', new TotalsReporter()],
  testTimeout: 180_000,
  hookTimeout: 180_000,
  maxConcurrency: 2,
});
