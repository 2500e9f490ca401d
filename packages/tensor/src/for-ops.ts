/** What those who write ops and tools need: exported as `kernel`. */
export { checkData } from './check-data';
export { defaultBackend } from './current-backend';
export * from './kernel';
export { addWatch, type DataCheck, type Watch } from './watch';
