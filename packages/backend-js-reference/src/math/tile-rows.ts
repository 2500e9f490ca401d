/** How many rows to treat at once, so that rows of `rowLength` doubles stay in the second-level cache. */
export function tileRows(rowLength: number): number {
  return Math.max(16, Math.min(512, Math.floor(16384 / rowLength) & ~3));
}
