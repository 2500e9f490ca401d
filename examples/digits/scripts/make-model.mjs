// Writes dist/digits.safetensors: a digit classifier with random weights, quantized. (For one that knows digits:
// `npm start` in the root of the repository.)
import { save } from '@octet/formats';
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
