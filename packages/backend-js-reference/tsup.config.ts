import { library } from '@octet/build/tsup';
import { defineConfig } from 'tsup';

export default defineConfig(
  library({ entry: { index: 'src/index.ts', 'cases/index': 'src/cases/index.ts' } }),
);
