/** Where a model loses accuracy in int8, and what to do about it. */

export type { Inputs, ModelInput } from '@octet/quantization';
export {
  /** @deprecated Import it from @octet/quantization. */
  FloatIsland,
  /** @deprecated Import it from @octet/quantization. */
  leaveInFloat,
  /** @deprecated Import it from @octet/quantization. */
  type Mixed,
} from '@octet/quantization';
export {
  type ActivationAnalysis,
  type Analysis,
  type AnalyzeOptions,
  analyze,
  type LayerAnalysis,
  type Metric,
} from './analyze';
export {
  type BackendRun,
  type CompareBackendsOptions,
  compareBackends,
  type LayerComparison,
} from './compare-backends';
export type { Cause, Finding } from './findings';
export type { LayerCost } from './quantize/layer-costs';
export {
  type MetricTarget,
  type Quantized,
  type QuantizeOptions,
  type QuantizeProgress,
  quantize,
} from './quantize/quantize';
export { QuantizeReport } from './quantize/report';
export { type CureName, type CureTrial, cureNames, freeCures, type Point } from './quantize/search';
export {
  type AdaroundOptions,
  adaround,
  type CorrectBiasOptions,
  correctBias,
  type EqualizedPair,
  type EqualizeOptions,
  equalize,
  type GptqOptions,
  gptq,
  type Judgement,
  type RemedyName,
  type RemedyTrial,
  type RemedyTrials,
  type RoundedLayer,
  replaceRelu6,
  type SmoothQuantOptions,
  smoothQuant,
  type TryRemediesOptions,
  tryRemedies,
} from './remedies';
export { type RenderReportOptions, renderReport } from './report/render';
export { type RenderQuantizeReportOptions, renderQuantizeReport } from './report/render-quantize';
export { inFloatText, type TrialRow, trialRows, trialsText } from './report/trials';
export {
  type LayerSensitivity,
  type Sensitivity,
  type SensitivityOptions,
  type SensitivityReport,
  sensitivity,
} from './sensitivity';
export type { Difference, Histogram } from './statistics';
export type { RandomPart, Verdict } from './verdict';
export type { WeightAnalysis } from './weights';
