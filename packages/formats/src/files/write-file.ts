import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { ArgumentError, checkOptions, describe } from '@octet/backend';
import { isBytes } from '../errors';
import { node } from '../node';
import { removeAtExit } from './remove-at-exit';
import { codeOf, targetOf } from './target';

export interface WriteFileOptions {
  /** Gives up; what was there stays, unless it is written in place. */
  signal?: AbortSignal | undefined;
}

type Node = Awaited<ReturnType<typeof node>>;
type Pieces = readonly (string | Uint8Array)[];

/**
 * Writes a file, which appears whole or not at all: it is written under another name in the same folder and takes its
 * place when it is on the disk, with the permissions of the file that was there. Missing folders are made.
 *
 * - Of a symbolic link the file it leads to is written, be it there or not; the link stays.
 * - What is no regular file (a device, a named pipe, `/dev/stdout`, the `/dev/fd/63` of a shell's `>(…)`) is written
 *   into; `-` is standard output.
 * - A file that no other can take the place of is overwritten where it is: one with several names (hard links), of another
 *   owner, in a folder that takes no new files, or mounted by itself.
 *
 * @throws ArgumentError as `checkWritable`, and for other data, before anything is changed; the signal's reason; the errors of the file system
 */
export async function writeFile(
  path: string,
  data: string | Uint8Array | Pieces,
  options?: WriteFileOptions,
): Promise<void> {
  const { signal } = checkOptions('writeFile', options, 'signal');
  const pieces: Pieces = Array.isArray(data) ? data : [data as string | Uint8Array];
  const wrong = pieces.findIndex((piece) => typeof piece !== 'string' && !isBytes(piece));
  if (wrong >= 0) {
    throw new ArgumentError({
      op: 'writeFile',
      expected: 'texts or bytes (Uint8Array)',
      found: describe(pieces[wrong]),
      fix: 'Make it one of these: JSON.stringify(data) a text.',
    });
  }
  await write('writeFile', path, pieces, signal);
}

/**
 * Whether `writeFile` and `save` can write to a path, without doing it: for before the work that makes the data.
 * @throws ArgumentError for a folder, a file or folder that can't be written to, a path through what is no folder, and
 * links in a ring; also where there is no file system
 */
export async function checkWritable(path: string): Promise<void> {
  await targetOf('checkWritable', path);
}

/** Whether a path is the process's standard output: `-`, `/dev/stdout`, or a link to it. @throws as `checkWritable` */
export async function isStandardOutput(path: string): Promise<boolean> {
  return (await targetOf('isStandardOutput', path)).descriptor === 1;
}

/** `writeFile`, under the name of the function that was called. */
export async function write(
  op: string,
  path: string,
  pieces: Pieces,
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted();
  const target = await targetOf(op, path);
  const tools = await node(op);
  if (target.descriptor !== undefined) return writeToDescriptor(target.descriptor, pieces, tools, signal);
  const { stats } = target;
  if (stats && (!stats.isFile() || stats.nlink > 1)) return writeInto(target.path, pieces, tools, signal);
  try {
    await replace(target.path, stats, pieces, tools, signal);
  } catch (error) {
    if (!stats || !cannotReplace(error)) throw error;
    await writeInto(target.path, pieces, tools, signal);
  }
}

/** The errors of making a file in the folder, giving it to the owner of the other, and putting it in the other's place. */
function cannotReplace(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'EROFS', 'EBUSY'].includes(codeOf(error));
}

async function replace(
  path: string,
  stats: Stats | undefined,
  pieces: Pieces,
  { fs: { promises: fs, rmSync }, path: { dirname, join } }: Node,
  signal: AbortSignal | undefined,
): Promise<void> {
  await fs.mkdir(dirname(path), { recursive: true });
  // A name of its own length: the file's may be as long as names can be.
  const partial = join(dirname(path), `.octet-${Math.random().toString(36).slice(2)}.tmp`);
  const done = removeAtExit(() => rmSync(partial, { force: true }));
  try {
    const file = await fs.open(partial, 'wx');
    try {
      if (stats) {
        const { uid, gid } = await file.stat();
        if (uid !== stats.uid || gid !== stats.gid) await file.chown(stats.uid, stats.gid);
        await file.chmod(stats.mode & 0o7777);
      }
      for (const piece of pieces) {
        signal?.throwIfAborted();
        await file.writeFile(piece);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    signal?.throwIfAborted();
    await fs.rename(partial, path);
  } catch (error) {
    await fs.rm(partial, { force: true });
    throw error;
  } finally {
    done();
  }
}

async function writeInto(
  path: string,
  pieces: Pieces,
  { fs }: Node,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { O_WRONLY, O_NONBLOCK, O_TRUNC } = fs.constants;
  const stats = await fs.promises.stat(path);
  // A pipe that nobody reads would hold a thread, and with it the end of the process: look for a reader now and then.
  let probe: FileHandle | undefined;
  while (stats.isFIFO() && !probe) {
    signal?.throwIfAborted();
    try {
      probe = await fs.promises.open(path, O_WRONLY | O_NONBLOCK);
    } catch (error) {
      if (codeOf(error) !== 'ENXIO') throw error;
      await new Promise((wake) => setTimeout(wake, 20));
    }
  }
  const file = await fs.promises.open(path, stats.isFile() ? O_WRONLY | O_TRUNC : O_WRONLY);
  // Not before: a pipe without writers ends.
  await probe?.close();
  try {
    for (const piece of pieces) {
      signal?.throwIfAborted();
      await file.writeFile(piece);
    }
  } finally {
    await file.close();
  }
}

async function writeToDescriptor(
  fd: number,
  pieces: Pieces,
  { fs }: Node,
  signal: AbortSignal | undefined,
): Promise<void> {
  const stream: NodeJS.WritableStream =
    fd === 1
      ? process.stdout
      : fd === 2
        ? process.stderr
        : fs.createWriteStream('', { fd, autoClose: false });
  let failed: unknown;
  const note = (error: unknown) => {
    failed = error;
  };
  stream.on('error', note);
  try {
    for (const piece of pieces) {
      signal?.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        stream.write(piece, (error?: Error | null) => (error ? reject(error) : resolve()));
      });
      if (failed) throw failed;
    }
  } finally {
    stream.off('error', note);
  }
}
