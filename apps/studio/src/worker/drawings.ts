import type { ImagePixels } from '@octet/data';
import { type Context, drawTextLine, drawTextScene } from '@octet/web/text-scenes';

interface Drawn {
  readonly count: number;
  readonly width: number;
  readonly height: number;
  draw(context: Context, index: number, width: number, height: number): void;
}

/** Pictures that the page draws for models that see; one line a kind. */
export const drawings = {
  scenes: { count: 16, width: 320, height: 320, draw: drawTextScene },
  lines: { count: 32, width: 192, height: 48, draw: drawTextLine },
} as const satisfies Record<string, Drawn>;

export function drawnPixels({ width, height, draw }: Drawn, index: number): ImagePixels {
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('This browser gives no canvas to draw on.');
  draw(context, index, width, height);
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}
