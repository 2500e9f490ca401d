import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';

/** The root of this repository. */
export const root = path.resolve(import.meta.dirname, '../../..');

interface Manifest {
  name: string;
  version: string;
  private?: boolean;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  exports: Record<string, unknown>;
}

/** A package that gets published. */
export interface Package {
  name: string;
  folder: string;
  manifest: Manifest;
  /** What users write to import each of its entries: `@octet/x`, `@octet/x/y`. */
  entries: string[];
  /** Whether `require()` is promised to load it. */
  commonJs: boolean;
  /** Whether it can only be imported by test files that vitest runs. */
  needsVitest: boolean;
}

export const packages: Package[] = readdirSync(path.join(root, 'packages'))
  .map((name) => path.join(root, 'packages', name))
  .filter((folder) => existsSync(path.join(folder, 'package.json')))
  .map((folder) => {
    const manifest: Manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    const { name, exports, peerDependencies = {} } = manifest;
    return {
      name,
      folder,
      manifest,
      entries: Object.keys(exports)
        .filter((key) => !/\.(json|wasm)$/.test(key))
        .map((key) => path.posix.join(name, key)),
      commonJs: JSON.stringify(exports).includes('"require"'),
      needsVitest: 'vitest' in peerDependencies,
    };
  })
  .filter(({ manifest }) => !manifest.private);

/** The package itself and every package of this repository that it needs, directly or not. */
export function withDependencies(pkg: Package, found = new Set<Package>()): Set<Package> {
  found.add(pkg);
  for (const name of Object.keys(pkg.manifest.dependencies ?? {})) {
    const dependency = packages.find((other) => other.name === name);
    if (dependency && !found.has(dependency)) withDependencies(dependency, found);
  }
  return found;
}

/** Runs a program and returns what it printed; fails with what it printed, too. */
export function run(cwd: string, program: string, ...args: string[]): Promise<string> {
  // With pnpm's NODE_PATH a project would find what this repository has installed.
  const { NODE_PATH: _, ...env } = process.env;
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${[program, ...args].join(' ')}\n${stdout}\n${stderr}`));
      else resolve(stdout);
    });
  });
}

/**
 * The Node programs to load packages with: the one that runs these tests and, where it is another
 * one, the machine's own.
 */
export function nodes(): string[] {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  const found = (process.env.PATH ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .filter((file) => existsSync(file))
    .map((file) => realpathSync(file));
  const machines = found.find((file) => !file.includes('node_modules'));
  return [...new Set([process.execPath, ...(machines ? [machines] : [])])];
}
