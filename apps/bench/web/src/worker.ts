/** Where networks run, so that the page never waits for them. */
import type { Backend } from '@octet/backend';
import { backends } from '@octet/web/backends';
import { expose } from 'comlink';
import { compare, type Step } from '../../src/compare/compare';
import type { ComparePlan } from '../../src/compare/plan';
import type { CompareReport } from '../../src/compare/report';
import { backendFrom } from '../../src/pick-backend';
import { engineNames } from './engine-names';
import { ownAddress } from './link';
import { probeMachine } from './machine';
import type { OwnFiles } from './own-networks';

const controller = new AbortController();

const api = {
  probeMachine,

  /** One comparison; `page` is the address that those of backends of one's own are relative to, `files` are for the plan of a file. */
  async run(
    plan: ComparePlan,
    page: string,
    tell: (step: Step) => void,
    files: OwnFiles | null,
  ): Promise<CompareReport> {
    const engines = engineNames.filter((name) => plan.engines?.includes(name));
    const steps = compare(plan, {
      load: (name, threads) => load(name, threads, page),
      host: {
        browser: navigator.userAgent,
        cores: navigator.hardwareConcurrency,
        crossOriginIsolated,
      },
      signal: controller.signal,
      ...(files && { prepare: async () => (await import('./own-networks')).ownNetworks(files, plan) }),
      // Their code is loaded with them.
      ...(engines.length > 0 && { peers: (await import('./engines')).peersOf(engines, files?.tflite ?? []) }),
    });
    for (;;) {
      const { done, value } = await steps.next();
      if (done) return value;
      tell(value);
    }
  },

  /** Ends the comparison at its next step. */
  abort(): void {
    controller.abort();
  },
};

export type Api = typeof api;

async function load(name: string, threads: number, page: string): Promise<Backend> {
  if (Object.hasOwn(backends, name)) {
    return (await backends[name as keyof typeof backends].load({ threads })).backend;
  }
  const url = ownAddress(name, page);
  // A redirect may lead elsewhere: this fails then, as it does where nothing is.
  const found = await fetch(url, { mode: 'same-origin' });
  if (!found.ok) throw new TypeError(`${url}: the server answered with status ${found.status}`);
  const { backend } = await backendFrom(await import(/* @vite-ignore */ url), name, { threads });
  return backend;
}

expose(api);
