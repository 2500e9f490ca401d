import { DataLoader, type Dataset, Subset } from '@octet/data';
import { load } from '@octet/formats';
import type { RandomPart } from '@octet/inspect';
import type { Module } from '@octet/nn';
import { manualSeed, randn, type Tensor } from '@octet/tensor';
import { type Digit, DigitClassifier, mnist } from '@octet/vision';
import { accuracy, predict } from '../digits/measure';
import { train } from '../digits/train';
import { type ModelName, models } from '../models';
import { images as untrained } from '../peers/models';
import { withProgress } from '../progress';

export interface SubjectOptions {
  seed: number;
  /** How many images to compare the two networks on. */
  images: number;
  /** Their height and width, where they are random. */
  size?: number | undefined;
  /** The float network's weights; else it is trained, if it is for digits. */
  checkpoint?: string | undefined;
}

/** A float network, and what to quantize and judge it with. */
export interface Subject {
  /** Fused, in evaluation mode. */
  float: Module;
  /** Where its weights are from, for people. */
  from: string;
  /** What is random: then no report on it can be right about a network in use. */
  random?: RandomPart;
  calibration: Tensor[];
  data: Tensor[];
  /** How well a form of it does; without, only its output can be compared. */
  metric?: (model: Module) => Promise<number>;
}

/** @throws Interrupted, or the errors of a checkpoint that doesn't fit */
export async function subject(name: ModelName, options: SubjectOptions): Promise<Subject> {
  manualSeed(options.seed);
  return name === 'digits' ? digits(options) : images(name, options);
}

async function digits({ seed, images, checkpoint }: SubjectOptions): Promise<Subject> {
  const data = await mnist({ train: 8000, test: images, seed });
  const model = new DigitClassifier();
  if (checkpoint === undefined) {
    await withProgress('Training   ', (report) =>
      train({ model, data: data.train, epochs: 6, maxLr: 0.01, seed, report }),
    );
  } else model.loadStateDict(await load(checkpoint));
  model.eval();
  model.fuseModel();
  return {
    float: model,
    from: checkpoint ?? 'trained for 6 epochs',
    calibration: batches(data.train, 512),
    data: batches(data.test, images),
    metric: async (form) => accuracy(await predict(form, data.test), data.test),
  };
}

function batches(data: Dataset<Digit>, count: number): Tensor[] {
  const first = new Subset(
    data,
    Array.from({ length: Math.min(count, data.length) }, (_, i) => i),
  );
  return [...new DataLoader({ dataset: first, batchSize: Math.min(64, first.length) })].map(
    ({ image }) => image,
  );
}

/** Networks for which there are no data: random images. */
async function images(
  name: Exclude<ModelName, 'digits'>,
  { images: count, size = models[name].size, checkpoint }: SubjectOptions,
): Promise<Subject> {
  const { channels } = models[name];
  const image = (n: number) => randn([n, channels, size, size]);
  const few = Math.min(count, 4);
  let float: Module;
  if (checkpoint === undefined) float = untrained(name, few).create(image(few));
  else {
    const model = models[name].create();
    model.loadStateDict(await load(checkpoint));
    model.eval();
    model.fuseModel();
    float = model;
  }
  return {
    float,
    from: checkpoint ?? 'random weights',
    random: checkpoint === undefined ? 'weights and data' : 'data',
    calibration: [image(few)],
    data: Array.from({ length: Math.ceil(count / few) }, () => image(few)),
  };
}
