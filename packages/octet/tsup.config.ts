import { readdirSync } from 'node:fs';
import { library } from '@octet/build/tsup';
import { defineConfig } from 'tsup';

// `octet/nn/modules` is `parts/nn-modules.ts`.
const parts = readdirSync('src/parts').map((file) => [file.replace(/\.ts$/, ''), `src/parts/${file}`]);

export default defineConfig([
  library({
    entry: { index: 'src/index.ts', ...Object.fromEntries(parts) },
    // comlink is bundled: Node finds only its CommonJS, which has no named exports there.
    esbuildOptions: (options) => {
      options.mainFields = ['module', 'main'];
    },
  }),
  library({ entry: { cli: 'src/cli/cli.ts' }, format: ['esm'], platform: 'node', dts: false, clean: false }),
]);
