import { beforeAll, describe, test } from 'vitest';
import { Project } from '../src/project';
import { compilers, resolutions, typeCheck, writeImports } from '../src/typescript';
import { packages } from '../src/workspace';

// The declarations of all packages, checked as an application's own code is: skipLibCheck is false.

let project: Project;
beforeAll(async () => {
  project = await Project.withAll('typescript');
  const entries = packages.filter(({ needsVitest }) => !needsVitest).flatMap((pkg) => pkg.entries);
  const listed = await project.evaluate(`
    const names = [];
    for (const entry of ${JSON.stringify(entries)}) names.push([entry, Object.keys(await import(entry))]);
    console.log(JSON.stringify(names));
  `);
  writeImports(project, new Map<string, string[]>(JSON.parse(listed)));
  project.write('program.ts', program);
});

/** What declarations alone don't show: `using`, and types that are inferred from them. */
const program = `
import { BackendError } from '@octet/backend';
import { parseSafetensors } from '@octet/formats';
import { Linear } from '@octet/nn';
import { Tensor, tensor } from '@octet/tensor';

export async function run(bytes: Uint8Array): Promise<number | undefined> {
  using x = tensor([1, 2]);
  const y: Tensor = new Linear(2, 2).call(x);
  for (const [name, value] of Object.entries(parseSafetensors(bytes).toStateDict())) console.log(name, value.shape);
  try {
    return (await y.data())[0];
  } catch (error) {
    throw new BackendError({ op: 'run', expected: 'a number', found: 'none', fix: 'Look.' }, { cause: error });
  }
}
declare const console: { log(...args: unknown[]): void };
`;

describe.each(Object.entries(compilers))('TypeScript %s', (_, compiler) => {
  // The target is the compiler's own default: ES5 before TypeScript 6.
  test.each(Object.entries(resolutions))('%s', async (_, { files, options }) => {
    await typeCheck(project, files, options, compiler);
  });

  test('the target that Next.js has', async () => {
    const options = { ...resolutions.bundler.options, target: 'ES2017', isolatedModules: true };
    await typeCheck(project, resolutions.bundler.files, options, compiler);
  });

  test('a program with using, and strict options', async () => {
    const options = {
      ...resolutions.bundler.options,
      target: 'ES2022',
      exactOptionalPropertyTypes: true,
      noPropertyAccessFromIndexSignature: true,
      noUncheckedIndexedAccess: true,
    };
    await typeCheck(project, ['program.ts'], options, compiler);
  });
});
