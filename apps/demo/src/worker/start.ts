import * as Comlink from 'comlink';
import type { Detector } from './detector';

let detector: Comlink.Remote<Detector> | undefined;

/** The worker, started when it is first needed: its code is the runtime. */
export function worker(): Comlink.Remote<Detector> {
  detector ??= Comlink.wrap<Detector>(
    new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'detector' }),
  );
  return detector;
}

export { proxy, transfer } from 'comlink';
