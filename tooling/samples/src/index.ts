/** Inputs of models, read from files: images, arrays and sounds. Free of Node and of browsers. */
export { SampleError } from './errors';
export { type InputInfo, type ReadOptions, shapeText } from './input';
export { randomSamples } from './random';
export {
  type DecodeImage,
  extensions,
  imageExtensions,
  isRead,
  kindOf,
  readFileSamples,
  type SampleFile,
} from './read';
