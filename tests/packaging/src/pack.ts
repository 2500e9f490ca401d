import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { packages, run } from './workspace';

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder for projects, which is removed when all tests are over. */
    folder: string;
    /** The tarball of each package, by its name. */
    tarballs: Record<string, string>;
  }
}

/** Packs every package, once for all test files. */
export default async function setup({ provide }: TestProject): Promise<() => void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'octet-packaging-'));
  provide('folder', folder);
  provide('tarballs', await packAll(folder));
  return () => rmSync(folder, { recursive: true, force: true });
}

async function packAll(folder: string): Promise<Record<string, string>> {
  const tarballs: Record<string, string> = {};
  const queue = [...packages];
  const worker = async () => {
    for (let pkg = queue.pop(); pkg; pkg = queue.pop()) {
      const out = await run(pkg.folder, 'pnpm', 'pack', '--json', '--pack-destination', folder);
      tarballs[pkg.name] = path.resolve(folder, JSON.parse(out).filename);
    }
  };
  await Promise.all([worker(), worker()]);
  return tarballs;
}
