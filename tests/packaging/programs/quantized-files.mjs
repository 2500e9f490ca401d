// `make`: models like those that people quantize, and inputs; `check MODEL…`: the int8 files in onnxruntime-node and -web, against Octet's
// integers.
import { readFileSync, writeFileSync } from 'node:fs';
import { setBackend } from 'octet';
import { createWasmBackend } from 'octet/backend-wasm-simd';
import { serializeSafetensors } from 'octet/formats';
import * as nn from 'octet/nn';
import { exportOnnx, importOnnx } from 'octet/onnx';
import { add, eye, manualSeed, noGrad, rand, randint } from 'octet/tensor';
import * as node from 'onnxruntime-node';
import * as web from 'onnxruntime-web/wasm';

setBackend(await createWasmBackend());

const block = (inputs, outputs, options) =>
  new nn.Sequential(
    new nn.Conv2d(inputs, outputs, 3, { padding: 1, bias: false, ...options }),
    new nn.BatchNorm2d(outputs),
    new nn.Hardswish(),
  );

/** Squeeze and excitation, a neck that goes up again, a transposed convolution: as a text detector. */
class Detector extends nn.Module {
  stem = block(3, 8, { stride: 2 });
  down = block(8, 16, { stride: 2 });
  squeeze = new nn.Sequential(
    new nn.AdaptiveAvgPool2d(1),
    new nn.Conv2d(16, 4, 1),
    new nn.ReLU(),
    new nn.Conv2d(4, 16, 1),
    new nn.Hardsigmoid(),
  );
  lateral = new nn.Conv2d(16, 8, 1);
  up = new nn.Upsample({ scaleFactor: 2 });
  head = new nn.Sequential(
    new nn.Conv2d(8, 8, 3, { padding: 1 }),
    new nn.ReLU(),
    new nn.ConvTranspose2d(8, 1, 2, { stride: 2 }),
    new nn.Sigmoid(),
  );

  forward(x) {
    const large = this.stem.call(x);
    const small = this.down.call(large);
    const excited = small.mul(this.squeeze.call(small));
    return this.head.call(add(large, this.up.call(this.lateral.call(excited))));
  }
}

/** Bytes, one-hot, through a convolution over time to a class: as a file type's. */
class Bytes extends nn.Module {
  codes = new nn.Buffer(eye(16));
  embed = new nn.Linear(16, 12);
  norm = new nn.LayerNorm([12]);
  conv = new nn.Conv1d(12, 16, 5, { padding: 2 });
  gelu = new nn.GELU();
  head = new nn.Linear(16, 5);

  forward(bytes) {
    const x = this.norm.call(this.embed.call(nn.functional.embedding(bytes, this.codes)));
    return this.head.call(this.gelu.call(this.conv.call(x.transpose(1, 2))).amax(2));
  }
}

const models = {
  detector: { make: () => new Detector(), example: (n) => rand([n, 3, 32, 48]) },
  bytes: { make: () => new Bytes(), example: (n) => randint(0, 16, [n, 24], { dtype: 'int32' }) },
};

/** The largest difference between what Octet makes of the file and what an engine does, in 255ths of the outputs' range. */
async function apart(ort, name) {
  const bytes = readFileSync(`${name}.int8.onnx`);
  const model = await importOnnx(bytes);
  const session = await ort.InferenceSession.create(bytes);
  manualSeed(7);
  const x = models[name].example(3);
  const data = x.dataSync();
  const type = data instanceof Int32Array ? 'int32' : 'float32';
  const outputs = await session.run({ [session.inputNames[0]]: new ort.Tensor(type, data, x.shape) });
  const want = noGrad(() => model.call(x)).dataSync();
  const got = outputs[session.outputNames[0]].data;
  const step = (Math.max(...want) - Math.min(...want)) / 255;
  return Math.max(...want.map((v, i) => Math.abs(v - got[i]))) / step;
}

const [command, ...names] = process.argv.slice(2);
manualSeed(3);
for (const name of command === 'make' ? Object.keys(models) : names) {
  const { make, example } = models[name];
  if (command === 'make') {
    const model = make().eval();
    writeFileSync(`${name}.onnx`, await exportOnnx(model, example(1), { dynamicBatch: true, opset: 17 }));
    writeFileSync(`${name}.safetensors`, serializeSafetensors({ input: example(12) }));
    continue;
  }
  const floatBytes = readFileSync(`${name}.onnx`).length;
  const int8Bytes = readFileSync(`${name}.int8.onnx`).length;
  console.log(
    JSON.stringify({ name, floatBytes, int8Bytes, node: await apart(node, name), web: await apart(web, name) }),
  );
}
