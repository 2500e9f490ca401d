import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { UsageError } from '@octet/cli/errors';
import { parseNpy, parseNpz, parseSafetensors } from '@octet/formats';
import { fromData, rand, type Tensor } from '@octet/tensor';
import { samplesOfArrays } from './arrays';
import { imageExtensions, imageTensor } from './image';
import { type InputInfo, type ReadOptions, shapeText } from './input';
import { soundTensors } from './sound';

/** A tensor for each input of the model, and where it comes from. */
export interface Sample {
  readonly inputs: Tensor[];
  readonly from: string;
}

type Reader = (
  file: string,
  extension: string,
  bytes: Uint8Array,
  inputs: readonly InputInfo[],
  options: ReadOptions,
) => Tensor[][];

const image: Reader = (file, extension, bytes, inputs, options) => [
  [imageTensor(file, extension, bytes, only(file, inputs), options)],
];

/** One line per kind of file. */
const readers: Readonly<Record<string, Reader>> = {
  ...Object.fromEntries(imageExtensions.map((extension) => [extension, image])),
  '.npy': (file, _, bytes, inputs) =>
    samplesOfArrays(file, { [only(file, inputs).name]: parseNpy(bytes, { file }) }, inputs),
  '.npz': (file, _, bytes, inputs) => samplesOfArrays(file, parseNpz(bytes, { file }), inputs),
  '.safetensors': (file, _, bytes, inputs) =>
    samplesOfArrays(file, parseSafetensors(bytes, { file }).toStateDict(), inputs),
  '.wav': (file, _, bytes, inputs) => soundTensors(file, bytes, only(file, inputs)).map((tensor) => [tensor]),
};

export const extensions = Object.keys(readers);

/**
 * The samples of a file, of the files of a folder in the order of their names, or for `random` of uniform noise.
 *
 * @throws UsageError for a path with nothing to read, and for data that doesn't fit the model's inputs; FormatError and
 * ArgumentError for damaged files
 */
export async function readSamples(
  source: string,
  inputs: readonly InputInfo[],
  options: ReadOptions = {},
): Promise<Sample[]> {
  const { limit = Number.POSITIVE_INFINITY } = options;
  if (source === 'random') return randomSamples(inputs, options);
  const samples: Sample[] = [];
  for (const file of await filesOf(source)) {
    if (samples.length >= limit) break;
    const { extension, zipped } = kindOf(file);
    const raw = await readFile(file);
    const bytes = new Uint8Array(zipped ? gunzipSync(raw) : raw);
    for (const tensors of readers[extension](file, extension, bytes, inputs, options))
      samples.push({ inputs: tensors, from: file });
  }
  return samples.slice(0, limit);
}

function kindOf(file: string): { extension: string; zipped: boolean } {
  const zipped = file.toLowerCase().endsWith('.gz');
  const plain = zipped ? file.slice(0, -3) : file;
  return { extension: path.extname(plain).toLowerCase(), zipped };
}

const isRead = (file: string) => Object.hasOwn(readers, kindOf(file).extension);

async function filesOf(source: string): Promise<string[]> {
  const found = await stat(source).catch(() => undefined);
  const known = extensions.join(', ');
  if (!found)
    throw new UsageError({
      op: 'octet',
      expected: 'the data: a file, a folder, or the word random',
      found: `no such file: ${source}`,
      fix: `Pass --data with files of ${known}.`,
    });
  if (!found.isDirectory()) {
    if (isRead(source)) return [source];
    throw new UsageError({
      op: 'octet',
      expected: `data in a file of ${known}`,
      found: source,
      fix: 'Convert it to one of these.',
    });
  }
  const names = (await readdir(source)).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const files = names.filter((name) => isRead(name)).map((name) => path.join(source, name));
  if (files.length > 0) return files;
  throw new UsageError({
    op: 'octet',
    expected: `a folder with files of ${known}`,
    found: `${names.length} others in ${source}`,
    fix: 'Put images, arrays or sounds like those that the model will see into it.',
  });
}

function only(file: string, inputs: readonly InputInfo[]): InputInfo {
  if (inputs.length === 1) return inputs[0];
  throw new UsageError({
    op: 'octet',
    expected: 'a model with one input',
    found: `${inputs.length} (${inputs.map(({ name }) => name).join(', ')}) for '${file}'`,
    fix: 'Give the data as .npz or .safetensors, with an array for each input.',
  });
}

const RANDOM_SAMPLES = 8;

function randomSamples(
  inputs: readonly InputInfo[],
  { size, shapes: said = {}, dims = {}, limit = RANDOM_SAMPLES }: ReadOptions,
) {
  const shapes = inputs.map((input) => {
    const { shape } = input;
    if (Object.hasOwn(said, input.name)) return [...said[input.name]];
    const sizes = shape?.map((dim, i) => {
      if (typeof dim === 'number') return dim;
      const ofImage = shape.length === 4 && size ? { 2: size[0], 3: size[1] }[i] : undefined;
      return dims[dim] ?? ofImage ?? (i === 0 ? 1 : undefined);
    });
    if (sizes?.every((n) => n !== undefined)) return sizes as number[];
    throw new UsageError({
      op: 'octet',
      expected: 'inputs whose sizes are known, for random data',
      found: `'${input.name}' ${shapeText(input)}`,
      fix: `Say the sizes: --shape ${input.name}=1,512, --dim name=32, or --size 224x224 for images.`,
    });
  });
  return Array.from({ length: Math.min(limit, RANDOM_SAMPLES) }, () => ({
    from: 'random',
    inputs: shapes.map((shape, i) => randomOf(shape, inputs[i])),
  }));
}

/** Floats of 0 … 1, and zeros for whole numbers: others might be no index of anything. */
function randomOf(shape: number[], { dtype = 'float32' }: InputInfo): Tensor {
  if (dtype === 'float32') return rand(shape);
  return fromData(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape).to(dtype);
}
