import TotalsReporter from '@octet/build/totals';
import { project } from '@octet/build/vitest';

export default project('browser', {
  reporters: ['default', new TotalsReporter()],
  testTimeout: 60_000,
  hookTimeout: 60_000,
});
