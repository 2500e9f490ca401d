import { SampleError } from './errors';

/** What a model says of one of its inputs. */
export interface InputInfo {
  readonly name: string;
  readonly dtype?: 'float32' | 'int32' | 'uint8' | 'int8' | 'bool' | undefined;
  /** Sizes, or names of sizes that vary; undefined: not known. */
  readonly shape?: readonly (number | string)[] | undefined;
}

export function shapeText({ shape }: InputInfo): string {
  return shape ? `[${shape.join(', ')}]` : 'of any shape';
}

/** How files become tensors. */
export interface ReadOptions {
  /** Height and width of images; default: what the model says, or their own. */
  readonly size?: readonly [number, number];
  /** Of each channel of images of 0 … 1. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  /** What the largest pixel is, before mean and std: 1, or 255 for models that take bytes as floats. */
  readonly scale?: number;
  /** Whether the channels of images are blue, green, red. */
  readonly bgr?: boolean;
  /** How many samples at most. */
  readonly limit?: number;
  /** Of random inputs, by name. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** Sizes that the model names. */
  readonly dims?: Readonly<Record<string, number>>;
}

/** The input that a file without names is for. @throws SampleError for a model with several */
export function only(file: string, inputs: readonly InputInfo[]): InputInfo {
  if (inputs.length === 1) return inputs[0];
  throw new SampleError({
    op: 'octet',
    expected: 'a model with one input',
    found: `${inputs.length} (${inputs.map(({ name }) => name).join(', ')}) for '${file}'`,
    fix: 'Give the data as .npz or .safetensors, with an array for each input.',
  });
}
