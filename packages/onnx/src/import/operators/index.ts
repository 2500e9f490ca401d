import { beforeTurning } from '../channels-last';
import type { OnnxOperator } from '../table';
import { activations } from './activations';
import { attentionOperators } from './attention';
import { bits } from './bits';
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
import { sequences } from './sequences';
import { shapes } from './shapes';
import { spectra } from './spectra';
import { views } from './views';

/** All operators that the importer has; a family a file. */
export const onnxOperators = (): readonly OnnxOperator[] => families().map(beforeTurning);

const families = (): readonly OnnxOperator[] => [
  ...activations(),
  ...attentionOperators(),
  ...bits(),
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
  ...sequences(),
  ...shapes(),
  ...spectra(),
  ...views(),
];
