export { type ComposedCall, composedCalls, composedKernel } from './compose';
export { type Composite, compositesOf, type Expression, type RowComposites } from './composite';
export * from './functions';
export { compositeOf, elementwiseFunctions } from './lists';
export { callsOf, type Term } from './term';
