import TotalsReporter from '@octet/build/totals';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      'packages/*',
      'apps/*',
      'examples/{seed,custom-backend,own-layer}',
      'tooling/cli',
      'tooling/report',
      'tests/{async,docs,golden,onnx,plans}',
    ],
    reporters: ['default', new TotalsReporter()],
  },
});
