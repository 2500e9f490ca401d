import * as Comlink from 'comlink';
let detector;
/** The worker, started when it is first needed: its code is the runtime. */
export function worker() {
    detector ??= Comlink.wrap(new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'detector' }));
    return detector;
}
export { proxy, transfer } from 'comlink';
