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
