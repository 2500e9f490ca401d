import path from 'node:path';
import type { Project } from './project';
import { root } from './workspace';

/** The compilers that declarations must suit: the oldest that works, as the README says, the last of each line, and the newest. */
export const compilers: Readonly<Record<string, string>> = {
  '5.2': path.join(import.meta.dirname, '../node_modules/typescript5.2'),
  '5.9': path.join(import.meta.dirname, '../node_modules/typescript5.9'),
  '6': path.join(root, 'node_modules/typescript'),
  '7': path.join(root, 'node_modules/typescript7'),
};

/** How users resolve modules, with the files that are compiled for it. */
export const resolutions = {
  bundler: { files: ['bundled.ts'], options: { module: 'ESNext', moduleResolution: 'Bundler' } },
  node16: { files: ['esm.mts', 'commonjs.cts'], options: { module: 'Node16' } },
  nodenext: { files: ['esm.mts', 'commonjs.cts'], options: { module: 'NodeNext' } },
} as const;

/** Writes the files of all resolutions: they import the entries, and name all that each one exports when it runs. */
export function writeImports(project: Project, names: ReadonlyMap<string, readonly string[]>): void {
  const entries = [...names];
  const uses = entries.map(
    ([, list], i) => `export const names${i}: (keyof typeof entry${i})[] = ${JSON.stringify(list)};`,
  );
  const imports = entries.map(([entry], i) => `import * as entry${i} from '${entry}';`);
  const requires = entries.map(([entry], i) => `import entry${i} = require('${entry}');`);
  project.write('esm.mts', [...imports, ...uses].join('\n'));
  project.write('bundled.ts', [...imports, ...uses].join('\n'));
  project.write('commonjs.cts', [...requires, ...uses].join('\n'));
}

/**
 * Type-checks files of the project, the declarations that they import included. Options are the compiler's defaults, but
 * for `types`: none of the project's, whatever the compiler's version.
 *
 * @throws Error with what the compiler says
 */
export async function typeCheck(
  project: Project,
  files: readonly string[],
  options: object,
  compiler: string = compilers[7],
): Promise<void> {
  const config = `tsconfig.${path.basename(compiler)}.${files[0]}.json`;
  project.write(config, {
    compilerOptions: { strict: true, noEmit: true, types: [], skipLibCheck: false, ...options },
    files,
  });
  await project.run(process.execPath, path.join(compiler, 'lib/tsc.js'), '-p', config);
}
