/** The nearest multiple of 8, at least 8 and not below 90 % of `channels`. */
export function inEights(channels: number): number {
  const nearest = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return nearest < 0.9 * channels ? nearest + 8 : nearest;
}
