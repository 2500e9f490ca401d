/** Data sets, loaders, transforms, and sound from files. */
export { type Collated, collate } from './collate';
export { DataLoader, type DataLoaderOptions } from './data-loader';
export { type Dataset, MapDataset, randomSplit, Subset, TensorDataset } from './dataset';
export { compose } from './transforms/compose';
export { normalize } from './transforms/normalize';
export { type ResizeOptions, resize } from './transforms/resize';
export { type ImagePixels, toTensor } from './transforms/to-tensor';
export { parseWav, type Sound } from './wav';
