/** What those who write ops and tools need: exported as `kernel`. */
export { checkData } from './check-data';
export { defaultBackend } from './current-backend';
export * from './kernel';
export { broadcastShapes } from './layout';
export { requireClamp } from './ops/elementwise/bounds';
export { quantizedBounds } from './ops/quantized/bounds';
export { addWatch, type DataCheck, unwatched, type Watch } from './watch';
