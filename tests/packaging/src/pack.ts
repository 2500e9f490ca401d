import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { packAll } from '@octet/release/pack';
import type { TestProject } from 'vitest/node';
import { root } from './workspace';

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
  provide('tarballs', await packAll(root, folder));
  return () => rmSync(folder, { recursive: true, force: true });
}
