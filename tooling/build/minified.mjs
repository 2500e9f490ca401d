import { build } from 'esbuild';

/**
 * An entry of this workspace as apps ship it: its sources and all that they import in one minified module.
 *
 * @param {string} entry
 * @param {{ target?: string }} [options]
 * @returns {Promise<string>} the module's text
 */
export async function minified(entry, { target = 'es2022' } = {}) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    write: false,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target,
    conditions: ['@octet/source'],
    logLevel: 'error',
  });
  return outputFiles[0].text;
}
