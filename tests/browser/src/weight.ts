import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

/** Bytes, packed by gzip, of what a built page asks for at once: `page/index.html` in the folder, and the files that it names. */
export async function weightOf(built: string): Promise<number> {
  const html = await readFile(path.join(built, 'page/index.html'), 'utf8');
  const names = [...html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, name]) => name);
  const files = ['index.html', ...names.filter((name) => /\.(js|css|svg)$/.test(name))];
  if (files.length < 3)
    throw new Error(`${built}: the page names ${files.length - 1} files, where 2 or more are expected.`);
  const sizes = files.map(async (name) => gzipSync(await readFile(path.join(built, 'page', name))).length);
  return (await Promise.all(sizes)).reduce((a, b) => a + b);
}
