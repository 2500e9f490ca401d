// Trains the two models that come with the page and writes them to src/models, with what was measured of them, and the
// first held-out digit of each kind as an example:
// pnpm --filter @octet/digits make-models
import { mkdir, writeFile } from 'node:fs/promises';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { setBackend } from '@octet/tensor';
import { saveModel } from '../src/model';
import { packSamples, split, unpackSamples } from '../src/samples';
import { trainDigits } from '../src/training';
import { mnistSamples } from './mnist-samples';

const folder = new URL('../src/models/', import.meta.url);
const epochs = { float: 30, qat: 8 };

const backend = await createWasmBackend();
setBackend(backend);
const { train, test } = split(unpackSamples(packSamples(await mnistSamples())));
const training = trainDigits({
  ...{ train, test, floatEpochs: epochs.float, qatEpochs: epochs.qat },
  measureEvery: Math.floor(train.length / 64),
  seed: 0,
});
let result = await training.next();
for (; !result.done; result = await training.next()) {
  const { phase, step, steps, loss, accuracy } = result.value;
  if (accuracy !== undefined)
    console.log(`${phase} ${step}/${steps}  loss ${loss.toFixed(3)}  ${100 * accuracy} %`);
}
const { float, int8, accuracy } = result.value;

await mkdir(folder, { recursive: true });
await writeFile(new URL('digits-float.safetensors', folder), await saveModel(float));
await writeFile(new URL('digits-int8.safetensors', folder), await saveModel(int8));
const labels = Array.from({ length: 10 }, (_, label) => label);
const samples = Array.from({ length: test.length }, (_, i) => test.get(i));
const examples = labels.flatMap((label) => samples.find((sample) => sample.label === label) ?? []);
await writeFile(new URL('examples.bin', folder), packSamples(examples));
const measured = { accuracy, heldOut: test.length, trainedOn: train.length, epochs };
await writeFile(new URL('measured.json', folder), `${JSON.stringify(measured, null, 2)}\n`);
console.log(measured);
backend.dispose();
