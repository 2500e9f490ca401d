import { project } from '@octet/build/vitest';

export default project('backend-wasm-simd', {
  globalSetup: './scripts/build-wasm.mjs',
  setupFiles: '@octet/build/expose-gc',
});
