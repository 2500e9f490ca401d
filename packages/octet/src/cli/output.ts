import { writeFile } from '@octet/formats';

/** Rows of text as columns; numbers stand at the right. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths = rows[0].map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  return rows
    .map((row) =>
      row
        .map((cell, c) => (right.includes(c) ? cell.padStart(widths[c]) : cell.padEnd(widths[c])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `text` for people on standard output, unless `json` asks for the value there; or both, the value in a file. */
export async function show(text: string, value: unknown, json: string | true | undefined): Promise<void> {
  const written = `${JSON.stringify(value, null, 2)}\n`;
  if (json === true) {
    process.stdout.write(written);
    return;
  }
  console.log(text);
  if (json !== undefined) await writeFile(json, written);
}

/** On standard error, for people. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

export const decibels = (db: number | null): string => (db === null ? 'exact' : `${db.toFixed(1)} dB`);

export function bytes(n: number): string {
  if (n >= 1e6) return `${(n / 1e6).toFixed(2)} MB`;
  return n >= 1e3 ? `${(n / 1e3).toFixed(1)} kB` : `${n} B`;
}
