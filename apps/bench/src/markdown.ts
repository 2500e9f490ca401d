import type { TableData } from './columns';

/** A table as Markdown. */
export function markdownTable({ columns, rows }: TableData): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(columns.map(({ title }) => title)),
    line(columns.map(({ align }) => (align === 'right' ? '---:' : '---'))),
    ...rows.map(line),
  ].join('\n');
}

/** The places of a document between `<!-- bench NAME -->` and `<!-- /bench -->`, by name. */
export function placesIn(document: string): string[] {
  return [...document.matchAll(place('([^\\s]+)'))].map(([, , name]) => name);
}

/** The document with `text` at the place of that name. */
export function fillPlace(document: string, name: string, text: string): string {
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return document.replace(
    place(`(${escaped})`),
    (_, open: string, _name: string, close: string) => `${open}\n\n${text}\n\n${close}`,
  );
}

function place(name: string): RegExp {
  return new RegExp(`(<!-- bench ${name} -->)[\\s\\S]*?(<!-- /bench -->)`, 'g');
}
