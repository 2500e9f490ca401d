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
    dts: true,
    sourcemap: true,
    clean: true,
    treeshake: true,
    removeNodeProtocol: false,
    ...options,
  };
}
