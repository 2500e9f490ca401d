import { beforeTurning } from '../channels-last';
import type { OnnxOperator } from '../table';
import { attentionOperators } from './attention';
import { bits } from './bits';
import { boxOperators } from './boxes';
import { control } from './control';
import { dynamicLstms } from './dynamic-lstm';
import { gridSampling } from './grid-sample';
import { nBitsOperators } from './n-bits';
import { recurrent } from './recurrent';
import { sequences } from './sequences';
import { spectra } from './spectra';

/** Operators that most files don't have: they are loaded for those that do. */
export const rareOperators = (): readonly OnnxOperator[] =>
  [
    ...attentionOperators(),
    ...bits(),
    ...boxOperators(),
    ...control(),
    ...gridSampling(),
    ...nBitsOperators(),
    ...recurrent(),
    ...dynamicLstms(),
    ...sequences(),
    ...spectra(),
  ].map(beforeTurning);
