import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { UsageError } from '@octet/cli/errors';
import type { ImagePixels } from '@octet/data';
import {
  extensions,
  type InputInfo,
  isRead,
  kindOf,
  type ReadOptions,
  randomSamples,
  readFileSamples,
  type SampleFile,
} from '@octet/samples';
import type { Tensor } from '@octet/tensor';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';

/** A tensor for each input of the model, and where it comes from. */
export interface Sample {
  readonly inputs: Tensor[];
  readonly from: string;
}

/**
 * The samples of a file, of the files of a folder in the order of their names, or for `random` of uniform noise.
 *
 * @throws UsageError for a path with nothing to read; SampleError for data that doesn't fit the model's inputs; FormatError and
 * ArgumentError for damaged files
 */
export async function readSamples(
  source: string,
  inputs: readonly InputInfo[],
  options: ReadOptions = {},
): Promise<Sample[]> {
  const { limit = Number.POSITIVE_INFINITY } = options;
  if (source === 'random')
    return randomSamples(inputs, options).map((tensors) => ({ from: 'random', inputs: tensors }));
  const samples: Sample[] = [];
  for (const file of await filesOf(source)) {
    if (samples.length >= limit) break;
    const raw = await readFile(file);
    const bytes = new Uint8Array(kindOf(file).zipped ? gunzipSync(raw) : raw);
    for (const tensors of await readFileSamples({ name: file, bytes }, inputs, options, decodeImage))
      samples.push({ inputs: tensors, from: file });
  }
  return samples.slice(0, limit);
}

function decodeImage({ name, bytes }: SampleFile): ImagePixels {
  if (kindOf(name).extension === '.png') return PNG.sync.read(Buffer.from(bytes));
  return jpeg.decode(bytes, { useTArray: true, maxMemoryUsageInMB: 2048 });
}

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
  if (!found.isDirectory()) return [source];
  const names = (await readdir(source)).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const files = names.filter(isRead).map((name) => path.join(source, name));
  if (files.length > 0) return files;
  throw new UsageError({
    op: 'octet',
    expected: `a folder with files of ${known}`,
    found: `${names.length} others in ${source}`,
    fix: 'Put images, arrays or sounds like those that the model will see into it.',
  });
}
