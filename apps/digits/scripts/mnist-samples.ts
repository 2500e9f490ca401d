import { mnist } from '@octet/vision';
import { heldOut, type Sample } from '../src/samples';

/** MNIST's digits in the order of the split: those to learn from, then those held out. Needs Node. */
export async function mnistSamples(): Promise<Sample[]> {
  const { train, test } = await mnist({ test: heldOut });
  return [train, test].flatMap((part) =>
    Array.from({ length: part.length }, (_, i) => {
      const { image, label } = part.get(i);
      return { pixels: Uint8Array.from(image.dataSync(), (value) => Math.round(255 * value)), label };
    }),
  );
}
