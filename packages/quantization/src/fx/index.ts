export { type ConvertFxOptions, convertFx } from './convert-fx';
export { fromQdq } from './from-qdq';
export { type FuseFxOptions, fuseFx } from './fuse-fx';
export type { FloatReason } from './placement';
export { type PrepareFxOptions, prepareFx, prepareQatFx } from './prepare-fx';
export { QuantizationReport, type QuantizationRow, quantizationReport } from './report';
