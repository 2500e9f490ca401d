/** Numbers for people. */

export function percent(part: number, digits = 1): string {
  return `${(100 * part).toFixed(digits)} %`;
}

export function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

export function milliseconds(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 2 : 0)} ms`;
}
