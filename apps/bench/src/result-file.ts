import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from './errors';
import { signal } from './interrupt';

/** Refuses a path that can't become a file: better now than after minutes of work. @throws UsageError */
export async function checkFilePath(file: string | undefined, op = '--json'): Promise<void> {
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
    op,
    expected: 'the path of a file',
    found: `${file}: ${problem}`,
    fix: 'Name another file; missing folders are made.',
  });
}

/** As writeText. */
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
