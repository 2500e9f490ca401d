import { ArgumentError, nodeModule } from '@octet/backend';

/** Node's file functions, for the function `op`. @throws ArgumentError, with the cause, where there are none */
export async function node(op: string) {
  try {
    const [fs, path] = await Promise.all([
      nodeModule<typeof import('node:fs')>('node:fs'),
      nodeModule<typeof import('node:path')>('node:path'),
    ]);
    return { fs, path };
  } catch (cause) {
    throw new ArgumentError(
      {
        op,
        expected: 'a file system',
        found: `none (${cause})`,
        fix: 'Use parsePt, parseSafetensors and serializeSafetensors, and fetch or download the bytes.',
      },
      { cause },
    );
  }
}
