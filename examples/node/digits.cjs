const { createWasmBackend } = require('@octet/backend-wasm-simd');
const { load } = require('@octet/formats');
const { planOf } = require('@octet/graph');
const { convert, getDefaultQConfigMapping, prepare } = require('@octet/quantization');
const { Generator, rand, setBackend } = require('@octet/tensor');
const { DigitClassifier } = require('@octet/vision');

async function main() {
  const backend = await createWasmBackend({ threads: 2 });
  setBackend(backend);

  // Built as it was built, converted without calibration, loaded.
  const model = new DigitClassifier().eval();
  model.fuseModel();
  const prepared = prepare(model, getDefaultQConfigMapping());
  const int8 = await convert(prepared, { requireCalibration: false });
  int8.loadStateDict(await load(require.resolve('@octet/example-digits/digits.safetensors')));

  const x = rand([64, 1, 28, 28], { generator: new Generator(1) });
  const plan = planOf(int8, [x]); // for inputs of this shape: kernels and memory are decided once
  const y = plan.run(x);
  const { variant, threads } = backend.info();
  console.log(`CommonJS: ${variant}, ${threads} threads, output ${y.shape.join('×')}`);
  const firstRow = Array.from((await y.data()).subarray(0, 10), (value) => value.toFixed(4));
  console.log(firstRow.join(' '));
  backend.dispose();
}

main();
