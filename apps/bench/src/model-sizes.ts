/** What the known networks take, apart from their code: a page shows it before it loads that. */
export const modelSizes = {
  /** How the network is called, the channels of its images, and their usual height and width. */
  tutorial: { title: 'Tutorial network', channels: 3, size: 64 },
  mobilenetv2: { title: 'MobileNetV2', channels: 3, size: 224 },
  resnet18: { title: 'ResNet-18', channels: 3, size: 224 },
  resnet34: { title: 'ResNet-34', channels: 3, size: 224 },
  resnet50: { title: 'ResNet-50', channels: 3, size: 224 },
  'shufflenetv2-x0.5': { title: 'ShuffleNetV2 × 0.5', channels: 3, size: 224 },
  'shufflenetv2-x1.0': { title: 'ShuffleNetV2 × 1.0', channels: 3, size: 224 },
  'mobilenetv3-small': { title: 'MobileNetV3 small', channels: 3, size: 224 },
  'mobilenetv3-large': { title: 'MobileNetV3 large', channels: 3, size: 224 },
  'efficientnet-b0': { title: 'EfficientNet-B0', channels: 3, size: 224 },
  'squeezenet1.0': { title: 'SqueezeNet 1.0', channels: 3, size: 224 },
  'squeezenet1.1': { title: 'SqueezeNet 1.1', channels: 3, size: 224 },
  unet: { title: 'U-Net', channels: 3, size: 128 },
  digits: { title: 'Digit classifier', channels: 1, size: 28 },
} as const;

export type ModelName = keyof typeof modelSizes;

export const modelNames = Object.keys(modelSizes) as ModelName[];

/** Names that networks had before, which links and command lines may still have. */
export const oldModelNames: ReadonlyMap<string, ModelName> = new Map([['seed', 'tutorial']]);

/** The network of that name, or of that old name. */
export function modelNamed(name: string): ModelName | undefined {
  return modelNames.find((known) => known === name) ?? oldModelNames.get(name);
}
