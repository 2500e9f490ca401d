import type { OnnxOperator } from '../table';
import { activations } from './activations';
import { attentionOperators } from './attention';
import { control } from './control';
import { dynamicLstms } from './dynamic-lstm';
import { elementwise } from './elementwise';
import { indexing } from './indexing';
import { nBitsOperators } from './n-bits';
import { normalization } from './normalization';
import { pools } from './pools';
import { products } from './products';
import { quantizedOperators } from './quantized';
import { recurrent } from './recurrent';
import { reductionsTable } from './reductions';
import { resizing } from './resize';
import { shapes } from './shapes';
import { views } from './views';

/** All operators that the importer has; a family a file. */
export const onnxOperators = (): readonly OnnxOperator[] => [
  ...activations(),
  ...attentionOperators(),
  ...control(),
  ...elementwise(),
  ...indexing(),
  ...nBitsOperators(),
  ...normalization(),
  ...pools(),
  ...products(),
  ...quantizedOperators(),
  ...recurrent(),
  ...dynamicLstms(),
  ...reductionsTable(),
  ...resizing(),
  ...shapes(),
  ...views(),
];
