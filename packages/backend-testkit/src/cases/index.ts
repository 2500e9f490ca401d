/**
 * Inputs that try every kernel at its awkward sizes and values, for comparing a backend with the reference. One list per
 * kernel; the type makes a kernel without cases a compile error.
 */
import type { OwnKernelName } from '@octet/backend';
import { attentionCases } from './attention';
import type { CasesOf } from './case';
import { convCases } from './conv';
import { dataCases } from './data';
import { elementwiseCases } from './elementwise';
import { embeddingCases } from './embedding';
import { groupedIntegerCases } from './grouped-integers';
import { gruCases } from './gru';
import { indexingCases } from './indexing';
import { lstmCases } from './lstm';
import { matmulCases } from './matmul';
import { normCases } from './norm';
import { observerCases } from './observers';
import { optimCases } from './optim';
import { poolCases } from './pool';
import { quantizedCases } from './quantized';
import { reductionCases } from './reductions';
import { resampleCases } from './resample';

export type { CaseOutput, CasesOf, CaseTensor, KernelCase, Tolerance } from './case';

export const kernelCases: CasesOf<OwnKernelName> = {
  ...dataCases,
  ...elementwiseCases,
  ...reductionCases,
  ...indexingCases,
  ...matmulCases,
  ...convCases,
  ...lstmCases,
  ...gruCases,
  ...attentionCases,
  ...normCases,
  ...poolCases,
  ...embeddingCases,
  ...optimCases,
  ...observerCases,
  ...quantizedCases,
  ...resampleCases,
  ...groupedIntegerCases,
};
