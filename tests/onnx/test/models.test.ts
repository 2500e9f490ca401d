import { createWasmBackend } from '@octet/backend-wasm-simd';
import { importOnnx } from '@octet/onnx';
import { fromData, noGrad, setBackend, type Tensor } from '@octet/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { differenceOf, modelsIn, samplesOf } from '../src/models';

const dir = process.env.ONNX_MODELS_DIR;

/** Of the largest output. */
const tolerance = 1e-3;

describe('models', () => {
  beforeAll(async () => setBackend(await createWasmBackend()));

  if (!dir) {
    it("of ONNX_MODELS_DIR: a folder of models that aren't ours to give", ({ skip }) =>
      skip('ONNX_MODELS_DIR is not set'));
    return;
  }

  it.for(modelsIn(dir))('$name', async ({ name, path }) => {
    const model = await importOnnx<Tensor | Tensor[]>(path);
    const samples = samplesOf(dir, name, 3);
    expect(samples.length).toBeGreaterThan(0);
    for (const sample of samples) {
      const inputs = model.inputNames.map((input) => fromData(sample.in[input].data, sample.in[input].shape));
      const y = noGrad(() => model.call(...inputs));
      const outputs = Array.isArray(y) ? y : [y];
      for (const [i, output] of model.outputNames.entries()) {
        const want = sample.out[output];
        if (!want) continue;
        expect(outputs[i].shape).toEqual(want.shape);
        expect(differenceOf(outputs[i].dataSync(), want.data), output).toBeLessThan(tolerance);
      }
    }
  });
});
