import { type Dataset, Subset } from '@octet/data';

/** A handwritten digit. */
export interface Sample {
  /** 28 × 28, 0 (paper) to 255 (ink). */
  pixels: Uint8Array;
  label: number;
}

const pixels = 28 * 28;

/** Samples as one file: all images, then all labels. */
export function packSamples(samples: readonly Sample[]): Uint8Array {
  const file = new Uint8Array(samples.length * (pixels + 1));
  samples.forEach((sample, i) => {
    file.set(sample.pixels, i * pixels);
    file[samples.length * pixels + i] = sample.label;
  });
  return file;
}

/** The samples in such a file. They share its memory. */
export function unpackSamples(file: Uint8Array): Dataset<Sample> {
  const length = file.length / (pixels + 1);
  if (!Number.isInteger(length)) throw new Error(`No file of digits: ${file.length} bytes`);
  const labels = file.subarray(length * pixels);
  return {
    length,
    get: (i) => ({ pixels: file.subarray(i * pixels, (i + 1) * pixels), label: labels[i] }),
  };
}

/** How many of MNIST's digits are held out: the last ones of its file. */
export const heldOut = 2000;

/** The digits to learn from, and those held out. */
export function split(samples: Dataset<Sample>): { train: Dataset<Sample>; test: Dataset<Sample> } {
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  const at = samples.length - heldOut;
  return {
    train: new Subset(samples, range(0, at)),
    test: new Subset(samples, range(at, samples.length)),
  };
}
