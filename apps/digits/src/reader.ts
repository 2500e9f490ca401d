// What is drawn, the models, and what they say of it: what the page shows.
import { type BackendName, backendNames } from '@octet/web/choices';
import { computed, signal } from '@preact/signals';
import type { Kind } from './model';
import floatUrl from './models/digits-float.safetensors?url';
import int8Url from './models/digits-int8.safetensors?url';
import examplesUrl from './models/examples.bin?url';
import measured from './models/measured.json';
import { rasterize, type Stroke } from './pad/strokes';
import { type Sample, unpackSamples } from './samples';
import type { Answers, Checkpoints } from './workers/reader';
import { startWorker } from './workers/start';

/** Two checkpoints of one network, and how many of the held-out digits they read right. */
export interface Models {
  checkpoints: Checkpoints;
  accuracy: Record<Kind, number>;
  origin: 'shipped' | 'trained here';
}

/** What is on the pad: strokes, or an example of the data set. */
export type Drawing = { strokes: readonly Stroke[] } | { example: Sample };

export const blank: Drawing = { strokes: [] };

export const drawing = signal<Drawing>(blank);
export const examples = signal<readonly Sample[]>([]);
export const models = signal<Models>();
export const answers = signal<Answers>();
export const problem = signal<string>();

/** What the models see, or nothing of a pad without ink. */
export const image = computed(() => {
  const now = drawing.value;
  if ('example' in now) return now.example.pixels;
  return now.strokes.length > 0 ? rasterize(now.strokes) : undefined;
});

/** The backend in use, what it says of itself, and why others could not be used. */
export const backend = signal<{ name: BackendName; details: string }>();
/** The backend in use, or the one that is being loaded. */
export const chosen = signal<BackendName>();
export const unavailable = signal<Partial<Record<BackendName, string>>>({});

const { api: reader } = startWorker();

/** The latest drawing wins: while the models read one, those in between are passed over. */
let reading = false;
async function read(): Promise<void> {
  if (reading || !models.peek()) return;
  reading = true;
  let done: Uint8Array | undefined;
  try {
    do {
      done = image.peek();
      const said = done && (await reader.read(done));
      // What was said of a pad that was cleared meanwhile is nothing.
      answers.value = image.peek() && said;
    } while (image.peek() !== done);
  } catch (error) {
    report(error);
  } finally {
    reading = false;
  }
}

/** Shows an error on the page. */
export function report(error: unknown): void {
  problem.value = messageOf(error);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Both models on another backend; one that can't be used says why, and the old one stays. */
export async function useBackend(name: BackendName): Promise<void> {
  chosen.value = name;
  try {
    backend.value = { name, details: await reader.useBackend(name) };
    problem.value = undefined;
    await read();
  } catch (error) {
    if (!backend.value) report(error);
    if (chosen.value === name) chosen.value = backend.value?.name;
    unavailable.value = { ...unavailable.value, [name]: messageOf(error) };
  }
}

export async function useModels(next: Models): Promise<void> {
  await reader.useModels(next.checkpoints);
  models.value = next;
  await read();
}

export async function useShippedModels(): Promise<void> {
  const [float, int8] = await Promise.all([floatUrl, int8Url].map(fetchBytes));
  await useModels({ checkpoints: { float, int8 }, accuracy: measured.accuracy, origin: 'shipped' });
}

/** Says of the backends that this browser lacks why. */
async function findMissing(): Promise<void> {
  for (const name of backendNames) {
    const reason = await reader.missing(name);
    if (reason) unavailable.value = { ...unavailable.value, [name]: reason };
  }
}

/** Loads what the page needs. */
export async function start(): Promise<void> {
  try {
    await useBackend(backendNames[0]);
    // Without WebAssembly SIMD there is still the reference.
    if (!backend.value) await useBackend('js');
    void findMissing();
    await useShippedModels();
    const samples = unpackSamples(await fetchBytes(examplesUrl));
    examples.value = Array.from({ length: samples.length }, (_, i) => samples.get(i));
    image.subscribe(() => void read());
  } catch (error) {
    report(error);
  }
}

async function fetchBytes(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} could not be loaded: HTTP ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
