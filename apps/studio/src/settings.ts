import type { pixelRanges } from './session';

/** What the user chose. */
export interface Settings {
  readonly target: number;
  /** Seconds. */
  readonly budget: number;
  readonly pixels: keyof typeof pixelRanges;
  /** Height and width of images; null: the model's, or their own. */
  readonly size: number | null;
  readonly bgr: boolean;
}

export const defaults: Settings = { target: 30, budget: 60, pixels: 'zero to one', size: null, bgr: false };

const pixelNames: readonly Settings['pixels'][] = ['zero to one', 'bytes', 'minus one to one', 'imagenet'];

/** The settings in the part of an address after #; what isn't there, or can't be, is as it is by default. */
export function readSettings(hash: string): Settings {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const number = (name: 'target' | 'budget' | 'size') => {
    const value = Number(given.get(name) ?? Number.NaN);
    return value > 0 && Number.isFinite(value) ? value : undefined;
  };
  return {
    target: number('target') ?? defaults.target,
    budget: number('budget') ?? defaults.budget,
    pixels: pixelNames.find((name) => name === given.get('pixels')) ?? defaults.pixels,
    size: Math.round(number('size') ?? 0) || null,
    bgr: given.get('bgr') === '1',
  };
}

/** The part of an address that says them; only what isn't as by default. */
export function writeSettings(settings: Settings): string {
  const parts = new URLSearchParams();
  for (const name of ['target', 'budget', 'pixels', 'size', 'bgr'] as const) {
    if (settings[name] !== defaults[name]) parts.set(name, String(name === 'bgr' ? 1 : settings[name]));
  }
  return parts.size > 0 ? `#${parts}` : '';
}
