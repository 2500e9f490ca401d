import type { Module } from '@octet/nn';
import { DigitClassifier, mobilenetV2, resnet18, TutorialNet } from '@octet/vision';
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
  digits: { create: () => new DigitClassifier(), ...modelSizes.digits },
} as const satisfies Record<ModelName, ModelSpec>;

export type { ModelName };
