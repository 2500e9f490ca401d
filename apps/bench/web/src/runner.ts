import { proxy, type Remote, wrap } from 'comlink';
import type { Step } from '../../src/compare/compare';
import type { ComparePlan } from '../../src/compare/plan';
import type { CompareReport } from '../../src/compare/report';
import type { Capability } from './capability';
import type { OwnFiles } from './own-networks';
import type { Api } from './worker';

/** How long a cancelled run may take to end by itself, in milliseconds: then its worker is ended. */
const patience = 1500;

/** What this browser can do, as a worker sees it. */
export function probeInWorker(): Promise<Capability[]> {
  return withWorker((remote) => remote.probeMachine());
}

/** Runs a comparison in a worker of its own. @throws what `signal` was aborted with */
export function runInWorker(
  plan: ComparePlan,
  files: OwnFiles | null,
  tell: (step: Step) => void,
  signal: AbortSignal,
): Promise<CompareReport> {
  return withWorker((remote) => {
    const cancelled = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        void remote.abort();
        setTimeout(() => reject(signal.reason), patience);
      });
    });
    return Promise.race([remote.run(plan, location.href, proxy(tell), files), cancelled]);
  });
}

async function withWorker<T>(use: (remote: Remote<Api>) => Promise<T>): Promise<T> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  const broken = new Promise<never>((_, reject) => {
    worker.onerror = ({ message }) => reject(new Error(message || 'The worker could not be loaded.'));
  });
  try {
    return await Promise.race([use(wrap<Api>(worker)), broken]);
  } finally {
    worker.terminate();
  }
}
