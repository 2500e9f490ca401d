import { escaped, table } from '@octet/report';
import type { TableData } from './columns';

/** An element with a text in it; nothing else of the text is HTML. */
export function element(name: string, text: string, className = ''): string {
  return `<${name}${className && ` class="${className}"`}>${escaped(text)}</${name}>`;
}

/** `label` names the table for screen readers. */
export function htmlTable({ columns, rows }: TableData, label: string): string {
  const cell = (name: 'td' | 'th', text: string, column: number) =>
    columns[column].align === 'right' ? escaped(text) : element(name, text, 'text');
  return table(
    label,
    columns.map(({ title }, i) => cell('th', title, i)),
    rows.map((row) => row.map((text, i) => cell('td', text, i))),
  );
}
