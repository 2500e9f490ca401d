import type { Module } from '@octet/nn';
import { convert, getDefaultQConfigMapping, prepare, quantizeDynamic } from '@octet/quantization';
import { noGrad, randint, randn, type Tensor } from '@octet/tensor';
import { bertTiny, m5 } from '@octet/vision';
import { type ModelName, models } from './models';

/** A network whose layers are timed. */
export interface LayersModel {
  /** In float, for evaluation, its layers fused. */
  create(): Module;
  /** The usual height and width of images, samples of a sound, or tokens. */
  readonly size: number;
  /** Of an input. */
  shape(batch: number, size: number): number[];
  input(shape: readonly number[]): Tensor;
  /** In int8, calibrated with `x` where that takes some. */
  quantize(float: Module, x: Tensor): Promise<Module>;
}

function fused<M extends Module & { fuseModel(): void }>(model: M): M {
  model.eval().fuseModel();
  return model;
}

async function quantizeStatic(float: Module, x: Tensor): Promise<Module> {
  const prepared = prepare(float, getDefaultQConfigMapping());
  noGrad(() => prepared.call(x));
  return convert(prepared);
}

const staticFloats = { input: (shape: readonly number[]) => randn([...shape]), quantize: quantizeStatic };

const ofImages = Object.entries(models).map(([name, { create, channels, size }]): [string, LayersModel] => [
  name,
  {
    create: () => fused(create()),
    size,
    shape: (batch, size) => [batch, channels, size, size],
    ...staticFloats,
  },
]);

/** What `layers` knows by name: the networks for images, and one line for each other. */
export const layersModels = {
  ...(Object.fromEntries(ofImages) as Record<ModelName, LayersModel>),
  m5: {
    create: () => fused(m5()),
    size: 8000,
    shape: (batch, samples) => [batch, 1, samples],
    ...staticFloats,
  },
  'bert-tiny': {
    create: () => bertTiny().eval() as unknown as Module,
    size: 128,
    shape: (batch, tokens) => [batch, tokens],
    input: (shape) => randint(0, 30_522, [...shape]),
    quantize: (float) => quantizeDynamic(float),
  },
} satisfies Record<string, LayersModel>;

export type LayersModelName = keyof typeof layersModels;

export const layersModelNames = Object.keys(layersModels) as LayersModelName[];
