import { serializeSafetensors } from '@octet/formats';
import { importOnnx } from '@octet/onnx';
import { noGrad, rand, type Tensor } from '@octet/tensor';
import { squeezenet11 } from '@octet/vision';
import { expect, test } from 'vitest';
import { networkOfWeights } from '../src/worker/networks';

test('weights of a known network become its ONNX file, whatever its number of classes', async () => {
  const model = squeezenet11({ numClasses: 3 }).eval();
  const { label, onnx } = await networkOfWeights('mine.safetensors', serializeSafetensors(model.stateDict()));
  expect(label).toBe('SqueezeNet 1.1');
  const read = await importOnnx<Tensor>(onnx);
  const x = rand([1, 3, 224, 224]);
  const [got, want] = noGrad(() => [read.eval().call(x), model.call(x)].map((y) => [...y.dataSync()]));
  expect(got).toHaveLength(3);
  for (const [i, y] of got.entries()) expect(y).toBeCloseTo(want[i], 4);
});

test('weights of another network are refused, with those that are known', async () => {
  const state = { 'classifier.3.bias': rand([3]), 'classifier.3.weight': rand([3, 4]) };
  await expect(networkOfWeights('other.safetensors', serializeSafetensors(state))).rejects.toThrow(
    /^other\.safetensors has weights of no network that this page knows \(SqueezeNet 1\.1, .*ResNet-50\)/,
  );
});
