import { library } from '@octet/build/tsup';
import { defineConfig } from 'tsup';

// ES modules only: vitest can't be loaded with require().
export default defineConfig(
  library({
    format: ['esm'],
    entry: {
      index: 'src/index.ts',
      'cases/index': 'src/cases/index.ts',
      'oracle/index': 'src/oracle/index.ts',
    },
  }),
);
