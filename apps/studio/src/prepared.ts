import { textModels } from '@octet/web/text-models';
import digitsModel from './samples/digits.onnx?url';
import digitsData from './samples/digits.safetensors?url';
import type { Settings } from './settings';
import type { drawings } from './worker/drawings';

/** A model with inputs, to try without having one. */
export interface Prepared {
  /** In an address. */
  readonly name: string;
  readonly label: string;
  /** What it is, and where it comes from. */
  readonly about: string;
  readonly file: string;
  readonly model: string;
  /** The inputs: in a file, or pictures that the page draws. */
  readonly data: { readonly file: string; readonly url: string } | { readonly drawn: keyof typeof drawings };
  readonly settings: Partial<Settings>;
}

/** One entry each; loaded when chosen. */
export const prepared: readonly Prepared[] = [
  {
    name: 'digits',
    label: 'Handwritten digits',
    about: '22 thousand weights, trained on MNIST by this project; 64 digits that it never saw.',
    file: 'digits.onnx',
    model: digitsModel,
    data: { file: 'digits.safetensors', url: digitsData },
    settings: {},
  },
  {
    name: 'text',
    label: 'Text in pictures',
    about:
      'Finds where text is: PP-OCRv4’s detector (PaddleOCR, Apache-2.0), 4.7 MB. The pictures are drawn by this page; photos of your own tell more.',
    file: 'text-detection.onnx',
    model: textModels.detection,
    data: { drawn: 'scenes' },
    settings: { pixels: 'imagenet', size: [320, 320], bgr: true },
  },
  {
    name: 'direction',
    label: 'Which way up text is',
    about:
      'Tells text from text that is upside down: PP-OCR’s direction classifier (PaddleOCR, Apache-2.0), 0.6 MB. The lines are drawn by this page.',
    file: 'text-direction.onnx',
    model: textModels.direction,
    data: { drawn: 'lines' },
    settings: { pixels: 'minus one to one', size: [48, 192], bgr: true },
  },
];
