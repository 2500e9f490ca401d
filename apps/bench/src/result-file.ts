import { ArgumentError } from '@octet/backend';
import { UsageError } from '@octet/cli/errors';
import { signal } from '@octet/cli/interrupt';
import { checkWritable, isStandardOutput, writeFile } from '@octet/formats';

/** Refuses a path that can't be written: better now than after minutes of work. @throws UsageError */
export async function checkFilePath(file: string | undefined, op = '--json'): Promise<void> {
  if (file === undefined) return;
  try {
    await checkWritable(file);
  } catch (cause) {
    if (!(cause instanceof ArgumentError)) throw cause;
    const { expected, found, fix } = cause;
    throw new UsageError({ op, expected, found, fix }, { cause });
  }
}

/**
 * Leaves standard output to a file that is written there (`-`, `/dev/stdout`): what `console.log` prints goes to standard
 * error until the function that it returns is called.
 * @throws UsageError if two files are to be written there
 */
export async function leaveStandardOutput(files: Readonly<Record<string, string>>): Promise<() => void> {
  const there: string[] = [];
  for (const [flag, file] of Object.entries(files)) {
    await checkFilePath(file, flag);
    if (await isStandardOutput(file)) there.push(flag);
  }
  if (there.length > 1) {
    throw new UsageError({
      op: there.join(', '),
      expected: 'at most one file on standard output',
      found: String(there.length),
      fix: 'Name a file for the others.',
    });
  }
  const { log } = console;
  if (there.length > 0) console.log = console.error;
  return () => {
    console.log = log;
  };
}

/** As writeText. */
export function writeJson(file: string, value: unknown): Promise<void> {
  return writeText(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** Writes a file by `writeFile` of @octet/formats. @throws Interrupted, or its errors */
export function writeText(file: string, text: string): Promise<void> {
  return writeFile(file, text, { signal });
}
