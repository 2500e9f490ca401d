import type { Module } from '@octet/nn';
import {
  DigitClassifier,
  efficientnetB0,
  mobilenetV2,
  mobilenetV3Large,
  mobilenetV3Small,
  resnet18,
  resnet34,
  resnet50,
  shufflenetV2x05,
  shufflenetV2x10,
  squeezenet10,
  squeezenet11,
  TutorialNet,
  unet,
} from '@octet/vision';
import { type ModelName, modelSizes } from './model-sizes';

/** A network for images that can be fused and quantized. */
export interface ImageModel extends Module {
  fuseModel(): void;
}

export interface ModelSpec {
  create(): ImageModel;
  /** Of its images. */
  channels: number;
  /** Their usual height and width. */
  size: number;
}

/** The networks that commands know by name, one line each. */
export const models = {
  tutorial: { create: () => new TutorialNet(), ...modelSizes.tutorial },
  mobilenetv2: { create: () => mobilenetV2({ relu6: false }), ...modelSizes.mobilenetv2 },
  resnet18: { create: () => resnet18(), ...modelSizes.resnet18 },
  resnet34: { create: () => resnet34(), ...modelSizes.resnet34 },
  resnet50: { create: () => resnet50(), ...modelSizes.resnet50 },
  'shufflenetv2-x0.5': { create: () => shufflenetV2x05(), ...modelSizes['shufflenetv2-x0.5'] },
  'shufflenetv2-x1.0': { create: () => shufflenetV2x10(), ...modelSizes['shufflenetv2-x1.0'] },
  'mobilenetv3-small': { create: () => mobilenetV3Small(), ...modelSizes['mobilenetv3-small'] },
  'mobilenetv3-large': { create: () => mobilenetV3Large(), ...modelSizes['mobilenetv3-large'] },
  'efficientnet-b0': { create: () => efficientnetB0(), ...modelSizes['efficientnet-b0'] },
  'squeezenet1.0': { create: () => squeezenet10(), ...modelSizes['squeezenet1.0'] },
  'squeezenet1.1': { create: () => squeezenet11(), ...modelSizes['squeezenet1.1'] },
  unet: { create: () => unet(), ...modelSizes.unet },
  digits: { create: () => new DigitClassifier(), ...modelSizes.digits },
} as const satisfies Record<ModelName, ModelSpec>;

export type { ModelName };
