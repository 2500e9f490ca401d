import { ArgumentError, describe } from '@octet/backend';
import type { Module } from '@octet/nn';
import type { Tensor } from '@octet/tensor';
import { DigitClassifier, type DigitClassifierOptions } from './digit-classifier';
import { efficientnetB0 } from './efficientnet';
import { m5 } from './m5';
import { mobilenetV2 } from './mobilenet-v2';
import { mobilenetV3Large, mobilenetV3Small } from './mobilenet-v3';
import { resnet18, resnet34, resnet50 } from './resnet';
import { shufflenetV2x05, shufflenetV2x10 } from './shufflenet-v2';
import { squeezenet10, squeezenet11 } from './squeezenet';
import { unet } from './unet';

/** A model of this package: of one tensor to one, quantizable. */
export interface VisionModel extends Module<[Tensor], Tensor> {
  /** Fuses what of it can be one layer, in place. */
  fuseModel(): void;
}

/** One line a model, under the name of the function that makes it. */
const models = {
  digitClassifier: (options?: DigitClassifierOptions) => new DigitClassifier(options),
  efficientnetB0,
  m5,
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
  unet,
} satisfies Record<string, (options?: never) => VisionModel>;

export type ModelName = keyof typeof models;

/** The names that `getModel` knows, in alphabetical order. */
export function listModels(): ModelName[] {
  return Object.keys(models) as ModelName[];
}

/**
 * The model of a name, with random weights: `getModel('resnet18', { numClasses: 10 })` is `resnet18({ numClasses: 10 })`.
 *
 * @param options those of the function of that name
 * @throws ArgumentError for a name that `listModels` hasn't; what the function throws
 */
export function getModel(name: ModelName, options?: object): VisionModel {
  if (typeof name !== 'string' || !Object.hasOwn(models, name))
    throw new ArgumentError({
      op: 'getModel',
      expected: `one of ${listModels().join(', ')}`,
      found: describe(name),
      fix: 'Make any other model by its class.',
    });
  return (models[name] as (options?: object) => VisionModel)(options);
}
