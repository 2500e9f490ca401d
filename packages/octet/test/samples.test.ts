import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { serializeSafetensors } from '@octet/formats';
import type { InputInfo } from '@octet/samples';
import { tensor } from '@octet/tensor';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSamples } from '../src/cli/samples';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'octet-'));
});
afterAll(() => rm(folder, { recursive: true }));

const at = (name: string) => path.join(folder, name);
const x: InputInfo = { name: 'x', dtype: 'float32', shape: ['n', 2] };

function png(pixels: number[][], width: number): Buffer {
  const image = new PNG({ width, height: pixels.length / width });
  image.data = Buffer.from(pixels.flatMap((rgb) => [...rgb, 255]));
  return PNG.sync.write(image);
}

describe('arrays', () => {
  test('rows are samples, under the name of the input or the only one', async () => {
    for (const name of ['x', 'anything']) {
      const file = at(`${name}.safetensors.gz`);
      await writeFile(
        file,
        gzipSync(
          serializeSafetensors({
            [name]: tensor([
              [1, 2],
              [3, 4],
              [5, 6],
            ]),
          }),
        ),
      );
      const samples = await readSamples(file, [x]);
      expect(samples.map(({ inputs }) => [inputs[0].shape, [...inputs[0].dataSync()]])).toEqual([
        [
          [1, 2],
          [1, 2],
        ],
        [
          [1, 2],
          [3, 4],
        ],
        [
          [1, 2],
          [5, 6],
        ],
      ]);
    }
  });

  test('numbered samples, in their order', async () => {
    const file = at('numbered.safetensors');
    const state = Object.fromEntries(
      [10, 2, 0].map((i) => [
        `${i}.in.x`,
        tensor([
          [i, i],
          [i, i],
        ]),
      ]),
    );
    await writeFile(file, serializeSafetensors(state));
    const samples = await readSamples(file, [x], { limit: 2 });
    expect(samples.map(({ inputs }) => inputs[0].dataSync()[0])).toEqual([0, 2]);
  });

  test('refuses other names, shapes and missing files', async () => {
    const file = at('wrong.safetensors');
    await writeFile(file, serializeSafetensors({ y: tensor([1]), z: tensor([1]) }));
    await expect(readSamples(file, [x])).rejects.toThrow("an array 'x'");
    await expect(readSamples(at('none.npy'), [x])).rejects.toThrow('no such file');
    await writeFile(at('deep.safetensors'), serializeSafetensors({ x: tensor([[[[1]]]]) }));
    await expect(readSamples(at('deep.safetensors'), [x])).rejects.toThrow('[n, 2]');
    await expect(readSamples(folder.concat('/none'), [x])).rejects.toThrow('no such file');
  });
});

describe('images', () => {
  const pixels = [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [51, 102, 153],
  ];
  const nchw: InputInfo = { name: 'image', dtype: 'float32', shape: [1, 3, 2, 2] };

  test('by the shape of the input, with mean, std, scale and the order of channels', async () => {
    await writeFile(at('a.png'), png(pixels, 2));
    const one = async (input: InputInfo, options = {}) =>
      [...(await readSamples(at('a.png'), [input], options))[0].inputs[0].dataSync()].map((v) =>
        Number(v.toFixed(4)),
      );
    expect(await one(nchw)).toEqual([1, 0, 0, 0.2, 0, 1, 0, 0.4, 0, 0, 1, 0.6]);
    expect(await one(nchw, { bgr: true })).toEqual([0, 0, 1, 0.6, 0, 1, 0, 0.4, 1, 0, 0, 0.2]);
    expect(await one({ ...nchw, shape: ['n', 2, 2, 3] }, { scale: 255 })).toEqual(pixels.flat());
    expect((await one(nchw, { mean: [0.5, 0, 0], std: [0.5, 1, 2] })).slice(0, 4)).toEqual([1, -1, -1, -0.6]);
    expect(await one({ ...nchw, shape: [1, 1, 2, 2] })).toEqual(
      [0.299, 0.587, 0.114, 0.363].map((v) => expect.closeTo(v, 3)),
    );
  });

  test('sizes that the model leaves open are those asked for, or multiples of 32', async () => {
    const open = { ...nchw, shape: [1, 3, 'h', 'w'] };
    const [{ inputs: asked }] = await readSamples(at('a.png'), [open], { size: [4, 6] });
    expect(asked[0].shape).toEqual([1, 3, 4, 6]);
    const [{ inputs: own }] = await readSamples(at('a.png'), [open]);
    expect(own[0].shape).toEqual([1, 3, 32, 32]);
  });

  test('refuses inputs that take none, several inputs, and damaged files', async () => {
    await expect(readSamples(at('a.png'), [x])).rejects.toThrow('whose input is an image');
    await expect(readSamples(at('a.png'), [nchw, x])).rejects.toThrow('one input');
    await writeFile(at('bad.jpg'), 'no image');
    await expect(readSamples(at('bad.jpg'), [nchw])).rejects.toThrow('bad.jpg');
  });
});

describe('random', () => {
  test('for known sizes, and those that are said', async () => {
    const [{ inputs }] = await readSamples('random', [x]);
    expect(inputs[0].shape).toEqual([1, 2]);
    const open = { name: 'y', shape: ['n', 't'] };
    await expect(readSamples('random', [open])).rejects.toThrow('--dim');
    const [sample] = await readSamples('random', [open], { dims: { t: 5 } });
    expect(sample.inputs[0].shape).toEqual([1, 5]);
  });
});
