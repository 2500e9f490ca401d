import { defaultClientConditions, mergeConfig } from 'vite';
import { buildWasm } from '../../packages/backend-wasm-simd/scripts/build-wasm.mjs';

// With these a page is cross-origin isolated, and the wasm backend has threads.
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/**
 * The settings that the pages share, with a page's own merged into them. Pages are built from the sources of this
 * workspace, to files that work under any path.
 *
 * @param {import('vite').UserConfig} [config]
 * @returns {import('vite').UserConfig}
 */
export function page(config = {}) {
  /** @type {import('vite').UserConfig} */
  const shared = {
    base: './',
    server: { headers },
    preview: { headers },
    resolve: { conditions: ['@octet/source', ...defaultClientConditions] },
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    worker: { format: 'es' },
    // `dist` itself holds what octet-run makes of an app's scripts.
    // Not Vite's own minifier, Oxc's: what it makes of the workers, which hold all of the runtime, lacks functions that it still calls.
    build: { outDir: 'dist/page', target: 'es2022', minify: 'esbuild', modulePreload: { polyfill: false } },
    plugins: [
      {
        // The wasm backend has sources that are made of others: they must be up to date.
        name: 'octet:build-wasm',
        async buildStart() {
          await buildWasm();
        },
      },
    ],
  };
  return mergeConfig(shared, config);
}
