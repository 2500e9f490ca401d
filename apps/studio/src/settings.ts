import type { pixelRanges } from './session';

/** What the user chose. */
export interface Settings {
  readonly target: number;
  /** Seconds. */
  readonly budget: number;
  readonly pixels: keyof typeof pixelRanges;
  /** Height and width of images; null: the model's, or their own. */
  readonly size: readonly [height: number, width: number] | null;
  readonly bgr: boolean;
  /** Layers to leave in float. */
  readonly exclude: readonly string[];
  /** The model of the page that is open; null: one of the user's. */
  readonly model: string | null;
}

export const defaults: Settings = {
  target: 30,
  budget: 60,
  pixels: 'zero to one',
  size: null,
  bgr: false,
  exclude: [],
  model: null,
};

const pixelNames: readonly Settings['pixels'][] = ['zero to one', 'bytes', 'minus one to one', 'imagenet'];

/** The settings in the part of an address after #; what isn't there, or can't be, is as it is by default. */
export function readSettings(hash: string): Settings {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const number = (name: 'target' | 'budget') => {
    const value = Number(given.get(name) ?? Number.NaN);
    return value > 0 && Number.isFinite(value) ? value : undefined;
  };
  return {
    target: number('target') ?? defaults.target,
    budget: number('budget') ?? defaults.budget,
    pixels: pixelNames.find((name) => name === given.get('pixels')) ?? defaults.pixels,
    size: parseSize(given.get('size') ?? ''),
    bgr: given.get('bgr') === '1',
    exclude: given.getAll('exclude'),
    model: given.get('model'),
  };
}

/** Both sizes of an image in a text such as 320 or 48x192; null for others. */
export function parseSize(text: string): Settings['size'] {
  const [, height, width = height] = /^\s*(\d{1,4})(?:\s*[x×]\s*(\d{1,4}))?\s*$/.exec(text) ?? [];
  const size = [Number(height), Number(width)] as const;
  return size.every((n) => n > 0) ? size : null;
}

export function sizeText(size: Settings['size']): string {
  if (!size) return '';
  return size[0] === size[1] ? String(size[0]) : size.join('x');
}

/** The part of an address that says them; only what isn't as by default. */
export function writeSettings(settings: Settings): string {
  const parts = new URLSearchParams();
  const { model, target, budget, pixels, size, bgr, exclude } = settings;
  if (model !== null) parts.set('model', model);
  if (target !== defaults.target) parts.set('target', String(target));
  if (budget !== defaults.budget) parts.set('budget', String(budget));
  if (pixels !== defaults.pixels) parts.set('pixels', pixels);
  if (size) parts.set('size', sizeText(size));
  if (bgr) parts.set('bgr', '1');
  for (const path of exclude) parts.append('exclude', path);
  return parts.size > 0 ? `#${parts}` : '';
}
