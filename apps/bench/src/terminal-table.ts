import Table from 'cli-table3';
import pc from 'picocolors';
import type { Column } from './columns';

export * from './columns';

const bare = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

const between = 2;

/**
 * Aligned columns without lines; titles dim. Where a terminal is narrower than the table, spare columns are left out, which a last line
 * says.
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY,
): string {
  const widths = columns.map(({ title }, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const kept = new Set(columns.keys());
  const taken = () => [...kept].reduce((sum, i) => sum + widths[i] + between, -between);
  const grades = [...new Set(columns.flatMap(({ spare }) => spare ?? []))].sort((a, b) => a - b);
  for (const grade of grades) {
    if (taken() <= width) break;
    for (const [i, { spare }] of columns.entries()) if (spare === grade) kept.delete(i);
  }
  const only = <T>(cells: readonly T[]) => cells.filter((_, i) => kept.has(i));
  const lines = aligned(only(columns), rows.map(only));
  const left = columns.filter((_, i) => !kept.has(i)).map(({ title }) => title);
  return left.length === 0 ? lines : `${lines}\n${pc.dim(`not shown, for the width: ${left.join(', ')}`)}`;
}

function aligned(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: columns.map(({ title }) => pc.dim(title)),
    colAligns: columns.map(({ align = 'left' }) => align),
    chars: bare,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
