import { minify as swc } from '@swc/core';
import { build as esbuild, transform } from 'esbuild';
import { minify as terser } from 'terser';
import { build as vite } from 'vite';
import { beforeAll, describe, expect, test } from 'vitest';
import { Project } from '../src/project';

// A program of all that Octet does, bundled and minified: it must give the numbers of the packages as they are.

/** Minifies an ES module for production. */
type Minifier = (code: string) => Promise<string | undefined>;

const minifiers: Record<string, Minifier> = {
  // Next.js and Parcel.
  swc: async (code) => (await swc(code, { module: true, compress: true, mangle: true })).code,
  // webpack.
  terser: async (code) => (await terser(code, { module: true, compress: true, mangle: true })).code,
  esbuild: async (code) => (await transform(code, { minify: true, format: 'esm' })).code,
  // Vite and Rolldown.
  oxc: async (code) => {
    const entry = 'virtual:entry';
    const made = await vite({
      configFile: false,
      logLevel: 'error',
      root: project.folder,
      plugins: [
        {
          name: 'entry',
          resolveId: (id) => (id === entry ? id : undefined),
          load: (id) => (id === entry ? code : undefined),
        },
      ],
      build: {
        write: false,
        ssr: true,
        target: 'node20',
        minify: 'oxc',
        rolldownOptions: { input: entry },
      },
    });
    if (!('output' in made)) throw new Error('Vite made no bundle');
    return made.output[0].code;
  },
};

let project: Project;
let bundle: string;
const expected = new Map<string, string>();
const backends = ['js', 'wasm'];

beforeAll(async () => {
  project = await Project.withAll('minifiers');
  const program = project.copy('programs/everything.mjs');
  for (const backend of backends)
    expected.set(backend, await project.run(process.execPath, program, backend));
  const { outputFiles } = await esbuild({
    absWorkingDir: project.folder,
    entryPoints: [program],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
  });
  bundle = outputFiles[0].text;
});

describe.each(Object.entries(minifiers))('minified by %s', (name, minify) => {
  let file: string;
  beforeAll(async () => {
    file = `${name}.mjs`;
    const code = await minify(bundle);
    if (!code || code.length > 0.8 * bundle.length) throw new Error(`${name} didn't minify`);
    project.write(file, code);
  });

  test.each(backends)('it gives the same numbers on %s', async (backend) => {
    expect(await project.run(process.execPath, file, backend)).toBe(expected.get(backend));
  });
});
