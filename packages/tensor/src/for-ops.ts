/** What those who write ops and tools need: exported as `kernel`. */
export { checkData } from './check-data';
export * from './kernel';
export { requireClamp } from './ops/clamped';
export { quantizedBounds } from './ops/quantized/functions';
export { addWatch, type DataCheck, type Watch } from './watch';
