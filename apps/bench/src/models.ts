import type { Module } from '@octet/nn';
import { DigitClassifier, Model, mobilenetV2 } from '@octet/vision';

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
  seed: { create: () => new Model(), channels: 3, size: 64 },
  mobilenetv2: { create: () => mobilenetV2({ relu6: false }), channels: 3, size: 224 },
  digits: { create: () => new DigitClassifier(), channels: 1, size: 28 },
} as const satisfies Record<string, ModelSpec>;

export type ModelName = keyof typeof models;
