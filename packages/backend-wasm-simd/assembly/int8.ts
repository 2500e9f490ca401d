// What int8 inference calls: the entry `int8` has these functions alone. Those of a new kernel of the profile inference-int8 belong
// here.
export * from './grouped-integers';
export { qgru } from './gru';
export { qlstm } from './lstm';
export * from './memory';
export * from './move';
export { qdepthwise, qdepthwiseBytes, qdepthwiseDynamic, qpackDepthwise } from './qdepthwise';
export { qpackDepthwiseBytes } from './qdepthwise-bytes';
export * from './qelementwise';
export { dotOf, qconv, qconvDynamic, qgemm, qgemmDynamic, qpackGemm, qrange } from './qgemm';
export * from './qnorm';
export * from './qpool';
export * from './quantize';
export * from './resample';
export { spreadTable } from './spread';
