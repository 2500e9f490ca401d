import { type BackendName, backendNames } from '@octet/web/choices';
import { computed, signal } from '@preact/signals';
import type { Step } from '../../src/compare/compare';
import type { ComparePlan } from '../../src/compare/plan';
import type { CompareReport } from '../../src/compare/report';
import { agreementText } from '../../src/compare/tables';
import { linkQuery, ownAddress, problemsOf, readLink } from './link';
import type { Capability } from './machine';
import { probeInWorker, runInWorker } from './runner';

/** Those that run everywhere; a GPU's is added where there is one. */
const usualBackends: readonly BackendName[] = ['wasm', 'js'];

const link = readLink(location.search, usualBackends);

const isKnown = (name: string) => backendNames.some((known) => known === name);

/** What the form says. */
export const plan = signal<ComparePlan>({ ...link.plan, backends: link.plan.backends.filter(isKnown) });
const [own = '', ...more] = link.plan.backends.filter((name) => !isKnown(name));
/** The address of a backend of one's own, or nothing. */
export const ownBackend = signal(own);

export const phase = signal<'idle' | 'running' | 'cancelling'>('idle');
export const step = signal<Step | null>(null);
export const report = signal<CompareReport | null>(null);
export const problems = signal<readonly string[]>([
  ...link.problems,
  ...more.map((name) => `The link asks for '${name}' too: one backend of your own at a time.`),
]);
/** Undefined until it is known. */
export const machine = signal<readonly Capability[] | undefined>(undefined);
export const outcome = signal('');

/** What is said aloud: not every run, but every backend. */
export const spoken = computed(() => {
  if (phase.value === 'cancelling') return 'Cancelling';
  if (phase.value === 'idle') return outcome.value;
  return step.value?.note.split(':')[0] ?? 'Starting';
});

/** The form's plan with the backend of one's own. */
export const wholePlan = computed<ComparePlan>(() => ({
  ...plan.value,
  backends: [...plan.value.backends, ...(ownBackend.value ? [ownBackend.value] : [])],
}));

let controller = new AbortController();

export async function start(): Promise<void> {
  if (phase.value !== 'idle') return;
  const wanted = wholePlan.value;
  problems.value = problemsOf(wanted);
  try {
    if (ownBackend.value) ownAddress(ownBackend.value, location.href);
  } catch (error) {
    problems.value = [...problems.value, messageOf(error)];
  }
  if (problems.value.length > 0) return;
  controller = new AbortController();
  const { signal } = controller;
  phase.value = 'running';
  step.value = null;
  report.value = null;
  outcome.value = '';
  history.replaceState(null, '', linkQuery(wanted, { run: false }));
  try {
    const found = await runInWorker(
      wanted,
      (now) => {
        step.value = now;
      },
      signal,
    );
    report.value = found;
    outcome.value = `Done. ${agreementText(found)}`;
  } catch (error) {
    outcome.value = signal.aborted ? 'Cancelled.' : '';
    if (!signal.aborted) problems.value = [messageOf(error)];
  } finally {
    phase.value = 'idle';
  }
}

export function cancel(): void {
  if (phase.value !== 'running') return;
  phase.value = 'cancelling';
  controller.abort();
}

/** Looks what the browser can do, and then runs what the link says, if it says so. */
export async function open(): Promise<void> {
  try {
    machine.value = await probeInWorker();
  } catch (error) {
    problems.value = [...problems.value, messageOf(error)];
    machine.value = [];
  }
  const gpu = machine.value.some(({ id, has }) => id === 'adapter' && has);
  if (gpu && link.plan.backends === usualBackends) {
    plan.value = { ...plan.value, backends: [...plan.value.backends, 'webgpu'] };
  }
  // Another's code is run only when someone asks for it.
  if (link.run && !ownBackend.value) await start();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
