import { ArgumentError } from '@octet/backend';

/** Node's file functions, loaded when they are needed, so that the package can be imported in a browser. @throws ArgumentError there */
export async function node(op: string) {
  try {
    // Awaited one by one inside of `try`: bundlers for browsers take that as leave to go without; webpack has to be told.
    const fs = await import(/* webpackIgnore: true */ 'node:fs/promises');
    const { dirname } = await import(/* webpackIgnore: true */ 'node:path');
    // Some of them put an empty module in its place.
    if ('open' in fs) return { fs, dirname };
  } catch {
    // There is none.
  }
  throw new ArgumentError({
    op,
    expected: 'a file system',
    found: 'none',
    fix: 'Use parsePt, parseSafetensors and serializeSafetensors, and fetch or download the bytes.',
  });
}
