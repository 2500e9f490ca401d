import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * What the declarations name, whatever target their users have: ErrorOptions and others of ES2022, and Symbol.dispose.
 * tsup drops such references from sources.
 */
const libraries = ['es2022', 'esnext.disposable'].map((name) => `/// <reference lib="${name}" />`).join('\n');

/**
 * The build settings that every published package shares.
 *
 * @param {import('tsup').Options} [options]
 * @returns {import('tsup').Options}
 */
export function library(options = {}) {
  return {
    entry: ['src/index.ts'],
    format: ['esm', 'cjs'],
    target: 'es2022',
    platform: 'neutral',
    dts: { banner: libraries },
    sourcemap: true,
    clean: true,
    treeshake: true,
    removeNodeProtocol: false,
    ...options,
  };
}

/**
 * As `library`, with a file for each module of the sources, so that a bundler drops what an app doesn't import: it sees through
 * `export * as name` of a file, but not through the object that a bundled namespace becomes. Entries of one package share their
 * modules in both formats.
 *
 * @param {readonly string[]} [entries] what `exports` of package.json names, in src: each gets its declarations
 * @param {import('tsup').Options} [options]
 * @returns {import('tsup').Options}
 */
export function modules(entries = ['index'], options = {}) {
  return library({
    entry: ['src/**/*.ts'],
    dts: { banner: libraries, entry: Object.fromEntries(entries.map((name) => [name, `src/${name}.ts`])) },
    treeshake: false,
    splitting: false,
    esbuildPlugins: [separateModules],
    ...options,
  });
}

/** Leaves each relative import to the file that its module becomes. */
const separateModules = {
  name: 'separate-modules',
  setup({ onResolve, initialOptions }) {
    const extension = initialOptions.format === 'cjs' ? '.cjs' : '.js';
    onResolve({ filter: /^\.{1,2}(\/|$)/ }, ({ path: from, resolveDir, kind }) => {
      if (kind === 'entry-point') return undefined;
      const isFile = existsSync(path.resolve(resolveDir, `${from}.ts`));
      const file = isFile ? from : `${from.replace(/\/$/, '')}/index`;
      return { path: `${file}${extension}`, external: true, sideEffects: true };
    });
  },
};
