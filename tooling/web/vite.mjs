import { readdirSync, readFileSync } from 'node:fs';
import { defaultClientConditions, mergeConfig } from 'vite';
import { buildWasm } from '../../packages/backend-wasm-simd/scripts/build-wasm.mjs';

// With these a page is cross-origin isolated, and the wasm backend has threads.
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** Beside every page: its icon, and what search engines may read. */
const publicFolder = new URL('public/', import.meta.url);
const types = { svg: 'image/svg+xml', txt: 'text/plain' };

/** What the heads of all pages have beside their title and description, and the files that all have. */
function head() {
  const tag = (name, attrs, injectTo = 'head') => ({ tag: name, attrs, injectTo });
  const files = readdirSync(publicFolder).map((name) => ({
    name,
    source: readFileSync(new URL(name, publicFolder)),
  }));
  return {
    name: 'octet:head',
    transformIndexHtml: () => [
      tag('meta', { charset: 'utf-8' }, 'head-prepend'),
      tag('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      tag('meta', { name: 'color-scheme', content: 'light dark' }),
      tag('link', { rel: 'icon', href: './icon.svg' }),
      { tag: 'noscript', children: 'This page needs JavaScript.', injectTo: 'body' },
    ],
    configureServer({ middlewares }) {
      for (const { name, source } of files)
        middlewares.use(`/${name}`, (_, response) => {
          response.setHeader('Content-Type', types[name.split('.').at(-1)]);
          response.end(source);
        });
    },
    generateBundle() {
      for (const { name, source } of files) this.emitFile({ type: 'asset', fileName: name, source });
    },
  };
}

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
      head(),
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
