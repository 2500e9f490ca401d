/** Numbers for people. The spaces in them don't break. */

export function percent(part: number, digits = 1): string {
  return `${(100 * part).toFixed(digits)}\u00a0%`;
}

export function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)}\u00a0kB`;
}

export function milliseconds(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 2 : 0)}\u00a0ms`;
}
