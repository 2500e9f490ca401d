import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Rule } from './compare';

/** The folder of the fixtures: this package's own, or another set of the same format in `GOLDEN_DIR`. */
export const goldenDir = process.env.GOLDEN_DIR
  ? path.resolve(process.env.GOLDEN_DIR)
  : fileURLToPath(new URL('../data', import.meta.url));

/** One line of the index. */
export interface CaseEntry {
  readonly name: string;
  readonly group: string;
  readonly op: string;
  readonly about: string;
  /** Relative to the folder of the fixtures. */
  readonly file: string;
  /** In the group `pt`: the file to read, of which `file` says what is in it. */
  readonly pt?: string;
  /** By the full name of the expected tensor (`out.y`), or `*` for all. */
  readonly tolerance: Readonly<Record<string, Rule>>;
  /** What an implementation reaches that takes another road; only mentioned in failures. */
  readonly relaxed_tolerance?: Readonly<Record<string, Rule>>;
}

/** The cases of `index.json`, and of the `index.json` of every folder beside it: a set of its own, with its script. */
export function readIndex(): readonly CaseEntry[] {
  const folders = readdirSync(goldenDir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return ['', ...folders.map(({ name }) => name).sort()].flatMap((folder) => {
    const index = path.join(goldenDir, folder, 'index.json');
    if (folder && !existsSync(index)) return [];
    const { cases }: { cases: CaseEntry[] } = JSON.parse(readFileSync(index, 'utf8'));
    return cases.map((entry) => ({ ...entry, file: path.join(folder, entry.file) }));
  });
}

export function readData(file: string): Uint8Array {
  return readFileSync(path.join(goldenDir, file));
}
