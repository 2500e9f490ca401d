// Writes dist/digits.safetensors and dist/digits.onnx: a digit classifier with random weights, quantized. (For one that knows digits:
// `npm start` in the root of the repository.)
import { writeFile } from 'node:fs/promises';
import { save } from '@octet/formats';
import { exportOnnx } from '@octet/onnx';
import { convert, getDefaultQConfigMapping, prepare } from '@octet/quantization';
import { Generator, manualSeed, noGrad, rand } from '@octet/tensor';
import { DigitClassifier } from '@octet/vision';

manualSeed(0);
const model = new DigitClassifier().eval();
model.fuseModel();
const prepared = prepare(model, getDefaultQConfigMapping());
noGrad(() => prepared.call(rand([16, 1, 28, 28], { generator: new Generator(0) })));
const int8 = await convert(prepared);
await save(int8.stateDict(), new URL('../dist/digits.safetensors', import.meta.url).pathname);
const file = await exportOnnx(int8, rand([1, 1, 28, 28]), { dynamicBatch: true });
await writeFile(new URL('../dist/digits.onnx', import.meta.url), file);
