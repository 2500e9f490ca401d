// How large the runtime is that an app ships: every package of it with all that it exports, from the built files,
// minified and compressed. Fails when the whole is past its limit.
//
//   pnpm build && pnpm size
import { existsSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const limit = 100_000;
const packages = ['backend', 'backend-js-reference', 'tensor', 'nn', 'quantization', 'backend-wasm-simd'];
/** Backends that an app adds: shown, but no part of the whole. */
const extras = ['backend-webgpu'];
const root = path.resolve(import.meta.dirname, '../..');
const entry = (name) => path.join(root, 'packages', name, 'dist/index.js');

/** The sizes of a bundle of these packages, parts that are loaded later included. */
async function measure(names, options = {}) {
  const { outputFiles } = await build({
    stdin: {
      contents: names.map((name, i) => `export * as _${i} from ${JSON.stringify(entry(name))};`).join('\n'),
      resolveDir: root,
    },
    outdir: path.join(root, 'dist'),
    write: false,
    bundle: true,
    minify: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'error',
    ...options,
  });
  const sum = (size) => outputFiles.reduce((total, { contents }) => total + size(contents), 0);
  return [
    sum((bytes) => bytes.length),
    sum((bytes) => gzipSync(bytes, { level: 9 }).length),
    sum((bytes) => brotliCompressSync(bytes).length),
  ];
}

const missing = [...packages, ...extras].filter((name) => !existsSync(entry(name)));
if (missing.length > 0) {
  console.error(`Not built yet: ${missing.join(', ')}. Run pnpm build first.`);
  process.exit(1);
}

const kB = (bytes) => (bytes / 1000).toFixed(1).padStart(9);
const row = (name, cells) => console.log(name.padEnd(40) + cells.join(''));

row(
  'kB',
  ['minified', 'gzip', 'brotli'].map((title) => title.padStart(9)),
);
for (const name of [...packages, ...extras]) {
  row(`@octet/${name}`, (await measure([name], { external: ['@octet/*'] })).map(kB));
}
const total = await measure(packages);
row(`all but ${extras} in one bundle`, total.map(kB));

const gzip = total[1];
const verdict = `${kB(gzip).trim()} kB gzip of at most ${limit / 1000}`;
if (gzip > limit) {
  console.error(`Too large: ${verdict}`);
  process.exit(1);
}
console.log(verdict);
