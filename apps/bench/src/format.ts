/** Numbers for people. */

export function formatCount(n: number): string {
  return n.toLocaleString('en-US');
}

export function formatBytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;
}

export function formatMs(ms: number): string {
  return ms < 10 ? `${ms.toFixed(2)} ms` : `${formatCount(Math.round(ms))} ms`;
}

export function formatPercent(part: number): string {
  return `${(100 * part).toFixed(2)} %`;
}

/** The line of the tutorial's program. */
export function timeConsumption(fp32Ms: number, int8Ms: number, of: string): string {
  const seconds = (ms: number) => `${(ms / 1e3).toFixed(2)} s`;
  const speedup = (fp32Ms / int8Ms).toFixed(2);
  return `Time consumption: fp32 ${seconds(fp32Ms)}, int8 ${seconds(int8Ms)}, speedup ${speedup}     (${of})`;
}
