import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './markdown';

/** A folder for generated files, empty. Under this package, so that its dependencies are found from there. */
export function emptyFolder(name: string): string {
  const folder = fileURLToPath(new URL(`../dist/${name}`, import.meta.url));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

export function writeText(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** What the compiler says. */
export interface Diagnostic {
  /** From the folder. */
  readonly file: string;
  readonly line: number;
  /** With the number of the error: `error TS2741: …`. */
  readonly message: string;
}

/** Type-checks every file in a folder as the repository's own code is. */
export function typecheck(folder: string, compilerOptions: object = {}): Diagnostic[] {
  const config = { extends: '@octet/tsconfig/node.json', compilerOptions, include: ['**/*.ts'], exclude: [] };
  writeText(path.join(folder, 'tsconfig.json'), JSON.stringify(config));
  const compiler = path.join(root, 'node_modules/typescript7/lib/tsc.js');
  const { stdout, stderr } = spawnSync(process.execPath, [compiler, '--pretty', 'false', '-p', '.'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const found = [...stdout.matchAll(/^(.+?)\((\d+),\d+\): (error .*)$/gm)].map(([, file, line, message]) => ({
    file,
    line: Number(line),
    message,
  }));
  const other = found.length === 0 ? `${stdout}${stderr}`.trim() : '';
  if (other) throw new Error(other);
  return found;
}
