import type { ImagePixels } from '@octet/data';
import { parseNpy, parseNpz, parseSafetensors } from '@octet/formats';
import type { Tensor } from '@octet/tensor';
import { samplesOfArrays } from './arrays';
import { SampleError } from './errors';
import { imageTensor } from './image';
import { type InputInfo, only, type ReadOptions } from './input';
import { soundTensors } from './sound';

/** A file by its name and its bytes. */
export interface SampleFile {
  readonly name: string;
  /** As they are inside, if the file is packed. */
  readonly bytes: Uint8Array;
}

/** Pixels of an image file. What it throws is said to be no image. */
export type DecodeImage = (file: SampleFile) => ImagePixels | Promise<ImagePixels>;

export const imageExtensions = ['.png', '.jpg', '.jpeg'] as const;

type Reader = (
  file: SampleFile,
  inputs: readonly InputInfo[],
  options: ReadOptions,
  decode: DecodeImage,
) => Tensor[][] | Promise<Tensor[][]>;

const image: Reader = async (file, inputs, options, decode) => {
  const input = only(file.name, inputs);
  return [[imageTensor(await decoded(file, decode), input, options)]];
};

/** One line per kind of file. */
const readers: Readonly<Record<string, Reader>> = {
  ...Object.fromEntries(imageExtensions.map((extension) => [extension, image])),
  '.npy': ({ name, bytes }, inputs) =>
    samplesOfArrays(name, { [only(name, inputs).name]: parseNpy(bytes, { file: name }) }, inputs),
  '.npz': ({ name, bytes }, inputs) => samplesOfArrays(name, parseNpz(bytes, { file: name }), inputs),
  '.safetensors': ({ name, bytes }, inputs) =>
    samplesOfArrays(name, parseSafetensors(bytes, { file: name }).toStateDict(), inputs),
  '.wav': ({ name, bytes }, inputs) =>
    soundTensors(name, bytes, only(name, inputs)).map((tensor) => [tensor]),
};

export const extensions: readonly string[] = Object.keys(readers);

/** What a name says: the extension, and whether the file is packed by gzip. */
export function kindOf(name: string): { readonly extension: string; readonly zipped: boolean } {
  const zipped = /\.gz$/i.test(name);
  const plain = zipped ? name.slice(0, -3) : name;
  return { extension: /\.[^./\\]*$/.exec(plain)?.[0].toLowerCase() ?? '', zipped };
}

/** Whether there is a reader for files of this name. */
export function isRead(name: string): boolean {
  return Object.hasOwn(readers, kindOf(name).extension);
}

/**
 * The samples in a file: for each, a tensor for each input.
 *
 * @throws SampleError for data that doesn't fit the inputs, or of another kind; FormatError and ArgumentError for damaged files
 */
export async function readFileSamples(
  file: SampleFile,
  inputs: readonly InputInfo[],
  options: ReadOptions,
  decode: DecodeImage,
): Promise<Tensor[][]> {
  if (!isRead(file.name))
    throw new SampleError({
      op: 'octet',
      expected: `data in a file of ${extensions.join(', ')}`,
      found: file.name,
      fix: 'Convert it to one of these.',
    });
  return readers[kindOf(file.name).extension](file, inputs, options, decode);
}

async function decoded(file: SampleFile, decode: DecodeImage): Promise<ImagePixels> {
  try {
    return await decode(file);
  } catch (cause) {
    const problem = {
      op: 'octet',
      expected: `'${file.name}' to be an image (${imageExtensions.join(', ')})`,
      found: (cause as Error).message,
      fix: 'Leave the file out, or save it again.',
    };
    throw new SampleError(problem, { cause });
  }
}
