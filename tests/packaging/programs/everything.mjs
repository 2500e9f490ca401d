// Trains, quantizes in every way, runs and exports, on the backend that it is told; prints a hash of all numbers.

import { referenceBackend } from '@octet/backend-js-reference';
import { createWasmBackend } from '@octet/backend-wasm-simd';
import { DataLoader, TensorDataset } from '@octet/data';
import { parseSafetensors, serializeSafetensors } from '@octet/formats';
import { CrossEntropyLoss, Linear, LSTM, Module } from '@octet/nn';
import { exportOnnx } from '@octet/onnx';
import { SGD } from '@octet/optim';
import {
  convert,
  getDefaultQatQConfigMapping,
  getDefaultQConfigMapping,
  prepare,
  prepareQat,
  quantizeDynamic,
} from '@octet/quantization';
import { manualSeed, noGrad, rand, randn, setBackend, tensor } from '@octet/tensor';
import { DigitClassifier } from '@octet/vision';

let hash = 0x811c9dc5;
function add(bytes) {
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
}
async function addTensor(x) {
  const { buffer, byteOffset, byteLength } = await x.data();
  add(new Uint8Array(buffer, byteOffset, byteLength));
}

function train(model, steps) {
  model.train();
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
  const labels = Array.from({ length: 4 * steps }, (_, i) => i % 10);
  const dataset = new TensorDataset(rand([4 * steps, 1, 28, 28]), tensor(labels, { dtype: 'int32' }));
  const lossFn = new CrossEntropyLoss();
  for (const [image, label] of new DataLoader({ dataset, batchSize: 4 })) {
    const loss = lossFn.call(model.call(image), label);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
  }
  model.eval();
}

class Text extends Module {
  lstm = new LSTM(8, 12);
  head = new Linear(12, 3);
  forward(x) {
    return this.head.call(this.lstm.call(x)[0]);
  }
}

setBackend(process.argv[2] === 'wasm' ? await createWasmBackend({ threads: 1 }) : referenceBackend);
manualSeed(1);
const x = rand([2, 1, 28, 28]);

const float = new DigitClassifier({ width: 0.25 });
train(float, 3);
await addTensor(noGrad(() => float.call(x)));

const qat = float.clone().train();
qat.fuseModel();
const trainable = prepareQat(qat, getDefaultQatQConfigMapping('qnnpack'));
train(trainable, 2);
const fromQat = await convert(trainable);
await addTensor(noGrad(() => fromQat.call(x)));

float.fuseModel();
const prepared = prepare(float, getDefaultQConfigMapping('x86'));
noGrad(() => prepared.call(rand([4, 1, 28, 28])));
const int8 = await convert(prepared);
await addTensor(noGrad(() => int8.call(x)));

const file = serializeSafetensors(int8.stateDict());
add(file);
int8.loadStateDict(parseSafetensors(file).toStateDict());
add(await exportOnnx(float, x));
add(await exportOnnx(int8, x));

const text = await quantizeDynamic(new Text().eval());
await addTensor(noGrad(() => text.call(randn([5, 2, 8]))));

console.log(process.argv[2], (hash >>> 0).toString(16).padStart(8, '0'));
