import { beforeTurning } from '../channels-last';
import type { OnnxOperator } from '../table';
import { activations } from './activations';
import { attentionOperators } from './attention';
import { boxOperators } from './boxes';
import { control } from './control';
import { dynamicLstms } from './dynamic-lstm';
import { elementwise } from './elementwise';
import { gridSampling } from './grid-sample';
import { indexing } from './indexing';
import { nBitsOperators } from './n-bits';
import { normalization } from './normalization';
import { pools } from './pools';
import { products } from './products';
import { qlinear } from './qlinear';
import { quantizedOperators } from './quantized';
import { recurrent } from './recurrent';
import { reductionsTable } from './reductions';
import { resizing } from './resize';
import { shapes } from './shapes';
import { spectra } from './spectra';
import { views } from './views';

/** All operators that the importer has; a family a file. */
export const onnxOperators = (): readonly OnnxOperator[] => families().map(beforeTurning);

const families = (): readonly OnnxOperator[] => [
  ...activations(),
  ...attentionOperators(),
  ...boxOperators(),
  ...control(),
  ...elementwise(),
  ...gridSampling(),
  ...indexing(),
  ...nBitsOperators(),
  ...normalization(),
  ...pools(),
  ...products(),
  ...qlinear(),
  ...quantizedOperators(),
  ...recurrent(),
  ...dynamicLstms(),
  ...reductionsTable(),
  ...resizing(),
  ...shapes(),
  ...spectra(),
  ...views(),
];
