import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Plugin } from 'vite';

/** What LiteRT.js loads by itself, by names of its own, for one thread: with relaxed SIMD, and without. */
const names = ['litert_wasm_internal', 'litert_wasm_compat_internal'].flatMap((name) => [
  `${name}.js`,
  `${name}.wasm`,
]);
const { resolve } = createRequire(import.meta.url);
const folder = 'engines/litert.js';
const types: Readonly<Record<string, string>> = { js: 'text/javascript', wasm: 'application/wasm' };
const read = (name: string) => readFileSync(resolve(`@litertjs/core/wasm/${name}`));

/** Puts the files of engines that no import names beside the page. */
export function engineFiles(): Plugin {
  return {
    name: 'octet:engine-files',
    configureServer({ middlewares }) {
      for (const name of names)
        middlewares.use(`/${folder}/${name}`, (_, response) => {
          response.setHeader('Content-Type', types[name.split('.').at(-1) ?? '']);
          response.end(read(name));
        });
    },
    generateBundle() {
      for (const name of names)
        this.emitFile({ type: 'asset', fileName: `${folder}/${name}`, source: read(name) });
    },
  };
}
