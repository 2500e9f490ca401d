import type { Stats } from 'node:fs';
import { ArgumentError } from '@octet/backend';
import { node } from '../node';

/** Where the bytes go: an open descriptor, or the path that links lead to, and what is there now. */
export type Target =
  | { readonly descriptor: number }
  | { readonly descriptor?: undefined; readonly path: string; readonly stats: Stats | undefined };

/** As many as Linux follows. */
const MAX_LINKS = 40;

/** Follows links. @throws ArgumentError for what can't be written */
export async function targetOf(op: string, given: string): Promise<Target> {
  const { fs, path } = await node(op);
  const refuse = (found: string, fix: string) =>
    new ArgumentError({ op, expected: 'the path of a file that can be written', found, fix });
  if (typeof given !== 'string' || given === '') {
    throw refuse(given === '' ? 'an empty text' : typeof given, "Give a path, or '-' for standard output.");
  }
  const name = `'${given}'`;
  if (given === '-') return { descriptor: 1 };
  if (given.endsWith('/') || given.endsWith(path.sep))
    throw refuse(`${name}, a folder`, 'Add the name of a file.');

  const ownDescriptor = new RegExp(`^/(?:dev|proc/(?:self|thread-self|${process.pid}))/fd/(\\d+)$`);
  let at = path.resolve(given);
  for (let links = 0; ; links++) {
    if (links > MAX_LINKS) throw refuse(`${name}, links in a ring`, 'Name another file, or remove the link.');
    const [, fd] = ownDescriptor.exec(at) ?? [];
    if (fd !== undefined) {
      try {
        fs.fstatSync(Number(fd));
      } catch {
        throw refuse(`${name}, a descriptor that isn't open`, 'Name another file.');
      }
      return { descriptor: Number(fd) };
    }
    let stats = await statOf(fs.promises.lstat(at));
    if (stats?.isSymbolicLink()) {
      if (!at.startsWith('/proc/')) {
        // The dots of a relative link count from where the link really lies.
        at = path.resolve(await fs.promises.realpath(path.dirname(at)), await fs.promises.readlink(at));
        continue;
      }
      // Those of /proc name what they lead to, but are no paths.
      stats = await statOf(fs.promises.stat(at));
    }
    if (stats?.isDirectory()) throw refuse(`${name}, a folder`, 'Add the name of a file.');
    if (stats?.isSocket()) throw refuse(`${name}, a socket`, 'Name another file.');
    if (stats) {
      // Without a single permission to write it was meant to stay as it is, also where root could.
      if ((stats.isFile() && (stats.mode & 0o222) === 0) || !(await may(at, fs.constants.W_OK)))
        throw refuse(`${name}, which is read-only`, 'Change its permissions, or name another file.');
    } else await checkFolder(path.dirname(at));
    return { path: at, stats };
  }

  /** The folder, or the nearest above it that is there, takes new files. */
  async function checkFolder(folder: string): Promise<void> {
    const stats = await statOf(fs.promises.stat(folder));
    const above = path.dirname(folder);
    if (!stats && above !== folder) return checkFolder(above);
    if (!stats?.isDirectory())
      throw refuse(
        `${name}, with '${folder}', which is no folder, in it`,
        'Name another file; missing folders are made.',
      );
    if (!(await may(folder, fs.constants.W_OK | fs.constants.X_OK)))
      throw refuse(
        `${name} in '${folder}', which is read-only`,
        'Change its permissions, or name another file.',
      );
  }

  async function may(file: string, mode: number): Promise<boolean> {
    return fs.promises.access(file, mode).then(
      () => true,
      () => false,
    );
  }
}

/** Undefined if there is nothing. */
async function statOf(stat: Promise<Stats>): Promise<Stats | undefined> {
  try {
    return await stat;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return undefined;
    throw error;
  }
}

/** The code of an error of the file system, such as `ENOENT`. */
export function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | undefined)?.code);
}
