import digitsModel from './samples/digits.onnx?url';
import digitsData from './samples/digits.safetensors?url';
import type { Settings } from './settings';

/** A model with inputs, to try without having one. */
export interface Prepared {
  readonly label: string;
  /** What it is, and where it comes from. */
  readonly about: string;
  readonly file: string;
  readonly model: string;
  readonly data: string;
  readonly dataName: string;
  readonly settings: Partial<Settings>;
}

/** One entry each; loaded when chosen. */
export const prepared: readonly Prepared[] = [
  {
    label: 'Handwritten digits',
    about: '22 thousand weights, trained on MNIST by this project',
    file: 'digits.onnx',
    model: digitsModel,
    data: digitsData,
    dataName: 'digits.safetensors',
    settings: {},
  },
];
