// Writes the digits network of apps/digits as an ONNX file, and 64 digits of MNIST that it never saw, for people who have no model at hand:
// pnpm --filter @octet/studio make-samples
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { serializeSafetensors } from '@octet/formats';
import { exportOnnx } from '@octet/onnx';
import { fromData, zeros } from '@octet/tensor';
import { mnistSamples } from '../../digits/scripts/mnist-samples';
import { loadModel } from '../../digits/src/model';
import { packSamples, split, unpackSamples } from '../../digits/src/samples';

const inputs = 64;
const folder = new URL('../src/samples/', import.meta.url);
const checkpoint = await readFile(
  new URL('../../digits/src/models/digits-float.safetensors', import.meta.url),
);

await mkdir(folder, { recursive: true });
const model = await loadModel('float', checkpoint);
await writeFile(new URL('digits.onnx', folder), await exportOnnx(model, zeros([1, 1, 28, 28])));
const { test } = split(unpackSamples(packSamples(await mnistSamples())));
const pixels = Array.from({ length: inputs }, (_, i) => [...test.get(i).pixels]).flat();
const images = fromData(
  pixels.map((byte) => byte / 255),
  [inputs, 1, 28, 28],
);
await writeFile(new URL('digits.safetensors', folder), serializeSafetensors({ images }));
