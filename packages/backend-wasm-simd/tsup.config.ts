import { library } from '@octet/build/tsup';
import { defineConfig } from 'tsup';

// simd.wasm and relaxed.wasm go along, for those who would rather fetch one than carry it in JavaScript.
export default defineConfig(
  library({
    entry: ['src/index.ts', 'src/int8.ts', 'src/inference.ts'],
    publicDir: 'src/generated/wasm',
  }),
);
