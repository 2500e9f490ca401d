import * as Comlink from 'comlink';
import type { Api } from './worker';

/** A new worker, and how to call what is in it. */
export function startWorker(): { worker: Worker; api: Comlink.Remote<Api> } {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  return { worker, api: Comlink.wrap<Api>(worker) };
}
