import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A fenced block of a document. */
export interface Block {
  /** The document, from the root of the repository. */
  readonly document: string;
  /** The line of the document on which the code starts, counted from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** The file that the line before the block names, as in "A new file, `src/index.ts`:". */
  readonly path: string | undefined;
  /** Whether the document says that the code can't stand alone, by `<!-- fragment -->` before the block. */
  readonly fragment: boolean;
}

/** A row of a table, with the heading it stands under. */
export interface Row {
  readonly line: number;
  readonly heading: string;
  readonly cells: readonly string[];
}

/** The guides, the root's own pages and the packages' READMEs, from the root of the repository. */
export function documents(): string[] {
  const guides = readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`);
  const packages = readdirSync(path.join(root, 'packages')).map((name) => `packages/${name}/README.md`);
  return ['README.md', 'CONTRIBUTING.md', ...guides, ...packages].filter(
    (name) => name.endsWith('.md') && existsSync(path.join(root, name)),
  );
}

export function read(document: string): string {
  return readFileSync(path.join(root, document), 'utf8');
}

/** The fenced blocks of a document, in order. */
export function blocksOf(document: string): Block[] {
  const lines = read(document).split('\n');
  const blocks: Block[] = [];
  for (let i = 0; i < lines.length; i++) {
    const language = /^```(\w*)$/.exec(lines[i])?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf('```', i + 1);
    if (end < 0) throw new Error(`${document}:${i + 1}: this block has no end`);
    const before = lines.slice(0, i).filter((text) => text.trim() !== '');
    blocks.push({
      document,
      line: i + 2,
      language,
      code: lines.slice(i + 1, end).join('\n'),
      path: /`([\w@./-]+\.\w+)`:$/.exec(before.at(-1) ?? '')?.[1],
      fragment: before.at(-1) === '<!-- fragment -->',
    });
    i = end;
  }
  return blocks;
}

/** The rows of all tables of a document, without their heads. */
export function rowsOf(document: string): Row[] {
  let heading = '';
  let inTable = false;
  return read(document)
    .split('\n')
    .flatMap((text, i): Row[] => {
      if (text.startsWith('#')) heading = text;
      if (!text.startsWith('|')) inTable = false;
      else if (/^[|\s:-]+$/.test(text)) inTable = true;
      else if (inTable) {
        const cells = text.replaceAll('\\|', '\0').split('|').slice(1, -1);
        return [{ line: i + 1, heading, cells: cells.map((cell) => cell.replaceAll('\0', '|').trim()) }];
      }
      return [];
    });
}

/** What stands between backticks. */
export function codeSpans(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code);
}
