export { type AdaroundOptions, adaround, type RoundedLayer } from './adaround';
export { type CorrectBiasOptions, correctBias } from './correct-bias';
export { type EqualizedPair, type EqualizeOptions, equalize, replaceRelu6 } from './equalize';
export { type GptqOptions, gptq } from './gptq';
export { type SmoothQuantOptions, smoothQuant } from './smooth-quant';
export {
  type Judgement,
  type RemedyName,
  type RemedyTrial,
  type RemedyTrials,
  type TryRemediesOptions,
  tryRemedies,
} from './try-remedies';
