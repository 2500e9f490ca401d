import { beforeTurning } from '../channels-last';
import type { OnnxOperator } from '../table';
import { activations } from './activations';
import { elementwise } from './elementwise';
import { indexing } from './indexing';
import { normalization } from './normalization';
import { pools } from './pools';
import { products } from './products';
import { qlinear } from './qlinear';
import { quantizedOperators } from './quantized';
import { reductionsTable } from './reductions';
import { resizing } from './resize';
import { shapes } from './shapes';
import { views } from './views';

/** The operators that files have most; a family a file. Others are in `rare.ts`. */
export const onnxOperators = (): readonly OnnxOperator[] => families().map(beforeTurning);

const families = (): readonly OnnxOperator[] => [
  ...activations(),
  ...elementwise(),
  ...indexing(),
  ...normalization(),
  ...pools(),
  ...products(),
  ...qlinear(),
  ...quantizedOperators(),
  ...reductionsTable(),
  ...resizing(),
  ...shapes(),
  ...views(),
];
