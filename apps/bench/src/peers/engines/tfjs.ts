import { UsageError } from '@octet/cli/errors';
import { parseSafetensors } from '@octet/formats';
import {
  AdaptiveAvgPool2d,
  type AnyModule,
  Conv2d,
  Dropout,
  Flatten,
  Identity,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
} from '@octet/nn';
import { intrinsic } from '@octet/quantization';
import type { Tensor } from '@octet/tensor';
import {
  BasicBlock,
  DigitClassifier,
  MobileNetV2,
  QInvertedResidual,
  ResNet,
  TutorialNet,
} from '@octet/vision';
import type * as Tf from '@tensorflow/tfjs-core';
import type { Job, ReadFile, Session } from '../engine';
import { peerModels } from '../models';

type Layer = (x: Tf.Tensor) => Tf.Tensor;

/** The network of a job rebuilt of TensorFlow.js's functions, on its backend for WebAssembly, which has been registered. */
export async function startTfjs(
  tf: typeof Tf,
  { model: name, input, checkpoint }: Job,
  read: ReadFile,
): Promise<Session> {
  const model = peerModels[name].create();
  model.loadStateDict(parseSafetensors(await read(checkpoint)).toStateDict());
  return rebuiltSession(tf, model, input.shape);
}

/** A network rebuilt. @throws UsageError for one with a module that isn't known here */
export async function rebuiltSession(
  tf: typeof Tf,
  model: AnyModule,
  inputShape: readonly number[],
): Promise<Session> {
  await tf.setBackend('wasm');
  const network = rebuild(tf, model);
  const [n, c, h, w] = inputShape;
  const areImages = inputShape.length === 4;
  const shape = areImages ? [n, h, w, c] : [n, c];
  let outputShape: number[] = [];
  // Not within tidy, which would look at each number of the result for tensors.
  const numbersOf = (make: () => Tf.Tensor) => {
    const y = tf.tidy(make);
    const data = y.dataSync<'float32'>();
    outputShape = y.shape;
    y.dispose();
    return data;
  };
  const permuted = (data: Float32Array, from: number[], order: number[]) =>
    numbersOf(() => tf.transpose(tf.tensor(data, from), order));
  return {
    version: tf.version_core,
    run: (x) => numbersOf(() => network(tf.tensor(x, shape))),
    layIn: (x) => (areImages ? permuted(x, [n, c, h, w], [0, 2, 3, 1]) : x),
    layOut: (y) => (outputShape.length === 4 ? permuted(y, outputShape, [0, 3, 1, 2]) : y),
  };
}

/** What a module does, on channels-last tensors. @throws UsageError for a module that isn't known here */
function rebuild(tf: typeof Tf, module: AnyModule): Layer {
  const chain = (...modules: AnyModule[]): Layer => {
    const layers = modules.map((child) => rebuild(tf, child));
    return (x) => layers.reduce((y, layer) => layer(y), x);
  };
  if (module instanceof TutorialNet || module instanceof DigitClassifier) return chain(module.layers);
  if (module instanceof MobileNetV2)
    return chain(module.features, new AdaptiveAvgPool2d(1), module.classifier);
  if (module instanceof QInvertedResidual) {
    const inner = chain(module.conv);
    return module.useRes ? (x) => tf.add(x, inner(x)) : inner;
  }
  if (module instanceof ResNet) {
    const { conv1, maxpool, layer1, layer2, layer3, layer4, avgpool, fc } = module;
    return chain(conv1, maxpool, layer1, layer2, layer3, layer4, avgpool, fc);
  }
  if (module instanceof BasicBlock) {
    const inner = chain(module.conv1, module.conv2);
    const shortcut = module.downsample ? chain(module.downsample) : (x: Tf.Tensor) => x;
    return (x) => tf.relu(tf.add(shortcut(x), inner(x)));
  }
  if (module instanceof MaxPool2d) {
    const { kernelSize, stride, padding } = module;
    return (x) => tf.maxPool(x as Tf.Tensor4D, [...kernelSize], [...stride], padding[0]);
  }
  if (module instanceof intrinsic.ConvReLU2d) return convolution(tf, module.conv, 'relu');
  if (module instanceof Conv2d) return convolution(tf, module, 'linear');
  if (module instanceof Linear) return linear(tf, module);
  if (module instanceof ReLU) return (x) => tf.relu(x);
  if (module instanceof AdaptiveAvgPool2d) return (x) => tf.mean(x, [1, 2]);
  // The mean has no height and width that were to be flattened.
  if ([Dropout, Identity, Flatten].some((type) => module instanceof type)) return (x) => x;
  if (module instanceof Sequential) return chain(...module.children());
  throw new UsageError({
    op: 'tfjs',
    expected: 'a module that is rebuilt for it',
    found: module.constructor.name,
    fix: 'Add it to rebuild().',
  });
}

function convolution(tf: typeof Tf, conv: Conv2d, activation: Tf.fused.Activation): Layer {
  const isDepthwise = conv.groups > 1;
  const filter = copyOf(tf, conv.weight, isDepthwise ? [2, 3, 0, 1] : [2, 3, 1, 0]) as Tf.Tensor4D;
  const options = {
    filter,
    strides: [...conv.stride] as [number, number],
    pad: typeof conv.padding === 'string' ? conv.padding : conv.padding[0],
    activation,
    ...(conv.bias && { bias: copyOf(tf, conv.bias) }),
  };
  return isDepthwise
    ? (x) => tf.fused.depthwiseConv2d({ x: x as Tf.Tensor4D, ...options })
    : (x) => tf.fused.conv2d({ x: x as Tf.Tensor4D, ...options });
}

function linear(tf: typeof Tf, { weight, bias }: Linear): Layer {
  const b = copyOf(tf, weight, [1, 0]);
  const options = bias && { bias: copyOf(tf, bias) };
  return (x) => tf.fused.matMul({ a: x, b, ...options });
}

/** A weight, with its dimensions in another order if told. */
function copyOf(tf: typeof Tf, t: Tensor, order?: number[]): Tf.Tensor {
  return tf.tidy(() => {
    const copy = tf.tensor(t.dataSync() as Float32Array, [...t.shape]);
    return order ? tf.transpose(copy, order) : copy;
  });
}
