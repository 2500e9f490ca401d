import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from './errors';
import { signal } from './interrupt';

/** Refuses a path that can't become a file: better now than after minutes of work. @throws UsageError */
export function checkJsonPath(file: string | undefined): Promise<void> {
  return checkPath(file, '--json');
}

/** As checkJsonPath, for another option. @throws UsageError */
export async function checkPath(file: string | undefined, option: string): Promise<void> {
  if (file === undefined) return;
  const isFolder = (at: string) =>
    stat(at).then(
      (found) => found.isDirectory(),
      () => undefined,
    );
  const folder = path.dirname(path.resolve(file));
  const problem =
    ((await isFolder(file)) && 'a folder') ||
    ((await isFolder(folder)) === false && `${folder}, which is a file, as its folder`);
  if (!problem) return;
  throw new UsageError({
    op: option,
    expected: 'the path of a file',
    found: `${file}: ${problem}`,
    fix: 'Name another file; missing folders are made.',
  });
}

/** Writes JSON to a file, as writeText does. */
export function writeJson(file: string, value: unknown): Promise<void> {
  return writeText(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** Writes a file, which appears whole or not at all. @throws Interrupted, or an error of the file system */
export async function writeText(file: string, text: string): Promise<void> {
  signal.throwIfAborted();
  const target = path.resolve(file);
  const partial = `${target}.${process.pid}.tmp`;
  await mkdir(path.dirname(target), { recursive: true });
  try {
    await writeFile(partial, text, { signal });
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw signal.aborted ? signal.reason : error;
  }
}
