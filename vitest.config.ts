import TotalsReporter from '@octet/build/totals';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: ['packages/*', 'apps/*', 'examples/*', 'tests/golden'],
    reporters: ['default', new TotalsReporter()],
  },
});
