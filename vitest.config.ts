import TotalsReporter from '@octet/build/totals';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: ['packages/*', 'apps/*', 'examples/{seed,custom-backend}', 'tests/{async,docs,golden,onnx}'],
    reporters: ['default', new TotalsReporter()],
  },
});
