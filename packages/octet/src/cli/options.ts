import type { ReadOptions } from '@octet/samples';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ModelOptions } from './model';

export type { ModelOptions } from './model';

const numbers = (text: string): number[] => {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (values.every(Number.isFinite)) return values;
  throw new InvalidArgumentError('It must be numbers, separated by commas.');
};

export const whole = (text: string): number => {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be a whole number > 0.');
};

const size = (text: string): [number, number] => {
  const [height, width = height] = text.split('x').map(Number);
  if ([height, width].every((n) => Number.isInteger(n) && n > 0)) return [height, width];
  throw new InvalidArgumentError('It must be HEIGHTxWIDTH, such as 480x640.');
};

const sizes = (text: string): number[] => {
  const values = numbers(text);
  if (values.every((n) => Number.isInteger(n) && n > 0)) return values;
  throw new InvalidArgumentError('It must be whole numbers > 0, separated by commas.');
};

/** For an option of the form name=value that may be given several times. */
const named =
  <T>(parse: (text: string) => T) =>
  (text: string, before: Record<string, T> = {}): Record<string, T> => {
    const at = text.indexOf('=');
    if (at < 1) throw new InvalidArgumentError('It must be NAME=VALUE.');
    return { ...before, [text.slice(0, at)]: parse(text.slice(at + 1)) };
  };

const oneOrMore = (text: string): number | number[] => {
  const values = numbers(text);
  return values.length === 1 ? values[0] : values;
};

/** What a model is read with. */
export const withModelOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--input <name=value>', 'an input that never changes, such as sr=16000; may be repeated')
        .argParser(named(oneOrMore))
        .default({}, 'none'),
    )
    .addOption(
      new Option('--dim <name=size>', 'a size that the model leaves open; may be repeated')
        .argParser(named(whole))
        .default({}, 'none'),
    );

export const sizeOption = () =>
  new Option('--size <HxW>', "of images (default: the model's, or their own)").argParser(size);

export const shapeOption = () =>
  new Option('--shape <name=sizes>', 'of a random input, such as state=2,1,128; may be repeated')
    .argParser(named(sizes))
    .default({}, 'none');

interface DataFlags {
  readonly shape: Record<string, number[]>;
  readonly data: string;
  readonly size?: [number, number];
  readonly mean?: number[];
  readonly std?: number[];
  readonly scale: number;
  readonly bgr: boolean;
  readonly limit?: number;
}

export interface DataOptions extends DataFlags, ModelOptions {}

/** What data is read with; it must be given unless there is a default. */
export const withDataOptions = (command: Command, absent?: string): Command =>
  withModelOptions(command)
    .addOption(
      new Option(
        '--data <path>',
        'inputs: a folder or file of .png, .jpg, .npy, .npz, .safetensors (.gz), .wav; or the word random',
      )
        .default(absent)
        .makeOptionMandatory(),
    )
    .addOption(sizeOption())
    .addOption(shapeOption())
    .addOption(new Option('--mean <list>', 'of each channel of images of 0 to 1').argParser(numbers))
    .addOption(new Option('--std <list>', 'of each channel of images of 0 to 1').argParser(numbers))
    .addOption(
      new Option('--scale <n>', 'what a white pixel is, before mean and std').argParser(Number).default(1),
    )
    .addOption(new Option('--bgr', 'the channels of images are blue, green, red').default(false))
    .addOption(new Option('--limit <n>', 'how many samples at most').argParser(whole));

export function readOptionsOf(flags: DataOptions): ReadOptions {
  const { size: imageSize, shape, mean, std, scale, bgr, limit, dim } = flags;
  return {
    scale,
    bgr,
    dims: dim,
    shapes: shape,
    ...(imageSize && { size: imageSize }),
    ...(mean && { mean }),
    ...(std && { std }),
    ...(limit !== undefined && { limit }),
  };
}

export const jsonOption = () =>
  new Option('--json [file]', 'the results as JSON, on standard output or in a file');
