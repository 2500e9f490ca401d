import { type BackendName, backendNames } from '@octet/web/choices';
import { computed, signal } from '@preact/signals';
import type { Step } from '../../src/compare/compare';
import { type ComparePlan, own } from '../../src/compare/plan';
import type { CompareReport } from '../../src/compare/report';
import { agreementText } from '../../src/compare/summary';
import type { Capability } from './capability';
import { type FieldName, linkQuery, ownAddress, type Problem, problemsOf, readLink } from './link';
import type { OwnFiles } from './own-networks';
import { probeInWorker, runInWorker } from './runner';

/** Those that run everywhere; a GPU's is added where there is one. */
const usualBackends: readonly BackendName[] = ['wasm', 'js'];

const link = readLink(location.search, usualBackends);

const isKnown = (name: string) => backendNames.some((known) => known === name);

/** What the form says. */
export const plan = signal<ComparePlan>({ ...link.plan, backends: link.plan.backends.filter(isKnown) });
const [ownName = '', ...more] = link.plan.backends.filter((name) => !isKnown(name));
/** The address of a backend of one's own, or nothing. */
export const ownBackend = signal(ownName);
/** What someone gave of a network of their own. */
export const files = signal<OwnFiles | null>(null);

export const phase = signal<'idle' | 'running' | 'cancelling'>('idle');
export const step = signal<Step | null>(null);
export const report = signal<CompareReport | null>(null);
export const problems = signal<readonly Problem[]>([
  ...link.problems,
  ...more.map((name) => ({
    field: 'own' as const,
    text: `The link asks for '${name}' too: one backend of your own at a time.`,
  })),
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
    problems.value = [...problems.value, { field: 'own', text: messageOf(error) }];
  }
  if (wanted.model === own && !files.value)
    problems.value = [...problems.value, { field: 'file', text: 'Choose an ONNX file.' }];
  if (problems.value.length > 0) return focusField(problems.value.find(({ field }) => field)?.field);
  controller = new AbortController();
  const { signal } = controller;
  const byUser = document.activeElement?.closest('form') !== null;
  if (byUser) focusField('cancel');
  phase.value = 'running';
  step.value = null;
  report.value = null;
  outcome.value = '';
  history.replaceState(null, '', linkQuery(wanted, { run: false }) ?? location.pathname);
  try {
    const found = await runInWorker(
      wanted,
      wanted.model === own ? files.value : null,
      (now) => {
        step.value = now;
      },
      signal,
    );
    report.value = found;
    const ended = found.absent.length > 0 ? 'Ended, not as asked.' : 'Done.';
    outcome.value = `${ended} ${agreementText(found)}`;
  } catch (error) {
    outcome.value = signal.aborted ? 'Cancelled.' : '';
    if (!signal.aborted) problems.value = [{ text: messageOf(error) }];
  } finally {
    phase.value = 'idle';
    if (document.activeElement === fieldOf('cancel')) focusField('run');
  }
}

/** Takes an ONNX file, or inputs or TensorFlow Lite files for the one that is there, from the field or a drop. */
export function take(given: readonly File[]): void {
  if (given.length === 0 || phase.value !== 'idle') return;
  const model = given.find(({ name }) => /\.onnx$/i.test(name)) ?? files.value?.model;
  if (!model) {
    problems.value = [{ field: 'file', text: 'Give an ONNX file (.onnx) first.' }];
    return;
  }
  const others = given.filter((file) => file !== model);
  const isTflite = ({ name }: File) => /\.tflite$/i.test(name);
  // A new model has inputs of its own.
  const kept = model === files.value?.model ? files.value : { samples: [], tflite: [] };
  const [tflite, samples] = [others.filter(isTflite), others.filter((file) => !isTflite(file))];
  files.value = {
    model,
    samples: samples.length > 0 ? samples : kept.samples,
    tflite: tflite.length > 0 ? tflite : kept.tflite,
  };
  problems.value = [];
  plan.value = {
    ...plan.value,
    model: own,
    batch: 1,
    size: plan.value.model === own ? plan.value.size : 224,
  };
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
    problems.value = [...problems.value, { text: messageOf(error) }];
    machine.value = [];
  }
  // A GPU made of software would be measured for what it isn't: it is there to be chosen.
  const gpu = machine.value.some(({ id, has, software }) => id === 'adapter' && has && !software);
  if (gpu && link.plan.backends === usualBackends) {
    plan.value = { ...plan.value, backends: [...plan.value.backends, 'webgpu'] };
  }
  // Another's code is run only when someone asks for it.
  if (link.run && !ownBackend.value) await start();
}

/** The problem that a field has, for its description. */
export function problemOf(name: FieldName): Problem | undefined {
  return problems.value.find(({ field }) => field === name);
}

function fieldOf(name: string): HTMLElement | null {
  return document.querySelector(`[name="${name}"]`);
}

/** Puts the focus where a mistake is mended, or on the button that is of use now. */
function focusField(name: string | undefined): void {
  if (name) fieldOf(name)?.focus();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
