import { readFile } from 'node:fs/promises';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { setBackend } from '@octet/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { mnistSamples } from '../scripts/mnist-samples';
import { classify, type Kind, loadModel, planFor } from '../src/model';
import measured from '../src/models/measured.json';
import { rasterize } from '../src/pad/strokes';
import { packSamples, split, unpackSamples } from '../src/samples';
import { accuracy } from '../src/training';
import { hand } from './hand';

// The models that come with the page.

beforeAll(async () => {
  setBackend(await createWasmBackend({ threads: 1 }));
});

const shipped = async (kind: Kind) =>
  loadModel(kind, await readFile(new URL(`../src/models/digits-${kind}.safetensors`, import.meta.url)));

describe.each(['float', 'int8'] as const)('the %s model', (kind) => {
  test('reads the digits of a hand', async () => {
    const plan = planFor(await shipped(kind));
    const read = async (image: Uint8Array) => {
      const probabilities = await classify(
        plan,
        Float32Array.from(image, (byte) => byte / 255),
      );
      return probabilities.indexOf(Math.max(...probabilities));
    };
    const said = [];
    for (const strokes of hand) said.push(await read(rasterize(strokes)));
    expect(said).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

test('both are as accurate as the page says', async () => {
  const { test: heldOut } = split(unpackSamples(packSamples(await mnistSamples())));
  expect(heldOut.length).toBe(measured.heldOut);
  expect(await accuracy(await shipped('int8'), heldOut)).toBe(measured.accuracy.int8);
  // Sums of floats depend on the kernels' order: a digit or two may be read otherwise.
  expect(Math.abs((await accuracy(await shipped('float'), heldOut)) - measured.accuracy.float)).toBeLessThan(
    0.002,
  );
});
