import { readFileSync } from 'node:fs';
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

export function readIndex(): readonly CaseEntry[] {
  return JSON.parse(readFileSync(path.join(goldenDir, 'index.json'), 'utf8')).cases;
}

export function readData(file: string): Uint8Array {
  return readFileSync(path.join(goldenDir, file));
}
