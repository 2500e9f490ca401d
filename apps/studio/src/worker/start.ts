import * as Comlink from 'comlink';
import type { Studio } from './studio';

let studio: Comlink.Remote<Studio> | undefined;

/** The worker, started when it is first needed: its code is the runtime. */
export function worker(): Comlink.Remote<Studio> {
  studio ??= Comlink.wrap<Studio>(
    new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'studio' }),
  );
  return studio;
}

export { proxy } from 'comlink';
