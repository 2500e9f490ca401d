/** Models for images, and handwritten digits. */
export { type Digit, MNIST_SIZE, type MnistOptions, mnist } from './datasets/mnist';
export { BasicBlock } from './models/basic-block';
export { ConvBNReLU, type ConvBNReLUOptions } from './models/conv-bn-relu';
export { DigitClassifier, type DigitClassifierOptions } from './models/digit-classifier';
export { InvertedResidual, type InvertedResidualOptions } from './models/inverted-residual';
export { MobileNetV2, type MobileNetV2Options, mobilenetV2 } from './models/mobilenet-v2';
export { QInvertedResidual } from './models/q-inverted-residual';
export { ResNet, type ResNetOptions, resnet18 } from './models/resnet';
export { type BlockSpec, Model, TutorialNet } from './models/tutorial-net';
