import type { ComponentChild } from 'preact';
import { Scroll } from './scroll';

interface TableProps {
  /** What it lists, for screen readers. */
  label: string;
  columns: readonly { title: string; align?: 'left' | 'right' }[];
  /** Of each row its name, then its cells. */
  rows: readonly (readonly ComponentChild[])[];
  class?: string;
}

/** A table that scrolls by itself where it is too wide. */
export function Table({ label, columns, rows, class: style = '' }: TableProps) {
  const kind = (column: number) => (columns[column].align === 'right' ? 'number' : undefined);
  return (
    <Scroll label={label}>
      <table class={style}>
        <caption class="spoken">{label}</caption>
        <thead>
          <tr>
            {columns.map(({ title }, i) => (
              <th key={title} scope="col" class={kind(i)}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, ...cells]) => (
            <tr key={String(name)}>
              <th scope="row">{name}</th>
              {cells.map((cell, i) => (
                <td key={columns[i + 1].title} class={kind(i + 1)}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
