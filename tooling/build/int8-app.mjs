// An app that loads an int8 checkpoint and runs it, without its backend. `pnpm size` bundles it.
import { parseSafetensors } from '../../packages/formats/dist/safetensors/index.js';
import { Flatten, Conv2d as FloatConv2d, MaxPool2d, Sequential } from '../../packages/nn/dist/modules.js';
import {
  ConvReLU2d,
  DeQuantize,
  Linear,
  LinearReLU,
  Quantize,
} from '../../packages/quantization/dist/quantized/index.js';
import { quantizePerTensor, setBackend, tensor, zeros } from '../../packages/tensor/dist/functional.js';

const output = { scale: 1, zeroPoint: 0 };
const weight = (...shape) => quantizePerTensor(zeros(shape), 1, 0, 'qint8');

function build() {
  return new Sequential(
    new Quantize(output),
    new ConvReLU2d(new FloatConv2d(1, 16, 3), weight(16, 1, 3, 3), zeros([16]), output),
    new MaxPool2d(2),
    new ConvReLU2d(new FloatConv2d(16, 32, 3), weight(32, 16, 3, 3), zeros([32]), output),
    new MaxPool2d(2),
    new Flatten(),
    new LinearReLU(weight(64, 800), zeros([64]), output),
    new Linear(weight(10, 64), zeros([10]), output),
    new DeQuantize(),
  );
}

/** The ten numbers that the checkpoint's network makes of the 784 of an image. */
export async function run(backend, checkpoint, image) {
  setBackend(backend);
  const model = build();
  model.loadStateDict(parseSafetensors(checkpoint));
  return model.call(tensor(image, [1, 1, 28, 28])).data();
}
