/** Models for images, one for text, and handwritten digits. */
export { type Digit, MNIST_SIZE, type MnistOptions, mnist } from './datasets/mnist';
export { BasicBlock } from './models/basic-block';
export { type BertCallOptions, BertModel, type BertOptions, bertTiny } from './models/bert';
export { Bottleneck } from './models/bottleneck';
export { ConvBNReLU, type ConvBNReLUOptions } from './models/conv-bn-relu';
export {
  Conv2dNormActivation,
  type Conv2dNormActivationOptions,
  type LayerClass,
} from './models/conv2d-norm-activation';
export { DigitClassifier, type DigitClassifierOptions } from './models/digit-classifier';
export { EfficientNet, type EfficientNetOptions, efficientnetB0 } from './models/efficientnet';
export { getModel, listModels, type ModelName, type VisionModel } from './models/get-model';
export { InvertedResidual, type InvertedResidualOptions } from './models/inverted-residual';
export { M5, type M5Options, m5 } from './models/m5';
export { MobileBlock, type MobileBlockOptions } from './models/mobile-block';
export { MobileNetV2, type MobileNetV2Options, mobilenetV2 } from './models/mobilenet-v2';
export {
  MobileNetV3,
  type MobileNetV3Options,
  mobilenetV3Large,
  mobilenetV3Small,
} from './models/mobilenet-v3';
export type { Pretrained } from './models/pretrained';
export { QInvertedResidual } from './models/q-inverted-residual';
export { ResNet, type ResNetOptions, resnet18, resnet34, resnet50 } from './models/resnet';
export { ShuffleUnit } from './models/shuffle-unit';
export {
  ShuffleNetV2,
  type ShuffleNetV2Options,
  shufflenetV2x05,
  shufflenetV2x10,
} from './models/shufflenet-v2';
export { SqueezeExcitation, type SqueezeExcitationOptions } from './models/squeeze-excitation';
export { Fire, SqueezeNet, type SqueezeNetOptions, squeezenet10, squeezenet11 } from './models/squeezenet';
export { StochasticDepth } from './models/stochastic-depth';
export { type BlockSpec, Model, TutorialNet } from './models/tutorial-net';
export { UNet, type UNetOptions, unet } from './models/unet';
