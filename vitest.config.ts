import TotalsReporter from '@octet/build/totals';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: ['packages/*', 'apps/*', 'examples/*', 'tests/golden', 'tests/docs'],
    reporters: ['default', new TotalsReporter()],
  },
});
