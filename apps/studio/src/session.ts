// The model, its inputs and what became of it: what the page shows.
import type { CureName, QuantizeProgress } from '@octet/inspect';
import type { ReadOptions } from '@octet/samples';
import { type BackendName, backendNames } from '@octet/web/choices';
import { computed, signal } from '@preact/signals';
import { type Prepared, prepared } from './prepared';
import { defaults, readSettings, type Settings, writeSettings } from './settings';
import { proxy, worker } from './worker/start';
import type { Layers, ModelInfo, NamedBytes, Outcome, SideBySide } from './worker/studio';

export const model = signal<ModelInfo>();
export const layers = signal<Layers>();
export const sampleCount = signal(0);
/** Where the samples come from. */
export const samplesFrom = signal<'files' | 'random' | 'the page'>('files');
/** What became of it, and what it was made by: the settings may be others by now. */
export const outcome = signal<Outcome & { readonly how: How; readonly by: Settings }>();
export const pair = signal<SideBySide>();
/** What is being done, for people; the page waits for it. */
export const busy = signal<string>();
export const progress = signal<QuantizeProgress>();
export const problem = signal<string>();
/** What was wrong with files that were left out. */
export const leftOut = signal<readonly string[]>([]);
export const backend = signal<{ name: BackendName; details: string }>();

/** What the user chose; a link carries it. */
export const settings = signal(readSettings(location.hash));
settings.subscribe((now) => {
  const hash = writeSettings(now);
  if (hash !== location.hash) history.replaceState(null, '', hash || location.pathname);
});

export const canQuantize = computed(() => sampleCount.value > 0 && !busy.value);

/** How pixels become numbers; one line each. */
export const pixelRanges = {
  'zero to one': { label: '0 to 1', options: {} },
  bytes: { label: '0 to 255', options: { scale: 255 } },
  'minus one to one': { label: '−1 to 1', options: { mean: [0.5], std: [0.5] } },
  imagenet: {
    label: "ImageNet's mean and deviation",
    options: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  },
} as const satisfies Record<string, { label: string; options: ReadOptions }>;

function readOptions(): ReadOptions {
  const { pixels, size, bgr } = settings.value;
  return { ...pixelRanges[pixels].options, bgr, ...(size && { size }) };
}

/** Does something that takes a while, one thing at a time; errors are shown. */
async function doing(what: string, work: () => Promise<void>): Promise<void> {
  if (busy.peek()) {
    // Buttons wait; files can be dropped at any time.
    problem.value = `Not now: “${busy.peek()}” is going on. Give it once more when it is done.`;
    return;
  }
  busy.value = what;
  problem.value = undefined;
  try {
    await work();
  } catch (error) {
    problem.value = error instanceof Error ? error.message : String(error);
  } finally {
    busy.value = undefined;
    progress.value = undefined;
  }
}

async function start(name: BackendName): Promise<void> {
  backend.value = { name, details: await worker().useBackend(name) };
}

async function ensureBackend(): Promise<void> {
  if (backend.peek()) return;
  try {
    await start(backendNames[0]);
  } catch {
    await start('js');
  }
}

export const openModel = (file: File) =>
  doing(`Reading ${file.name}`, async () => {
    await show({ name: file.name, bytes: await bytesOf(file) });
    settings.value = { ...settings.value, model: null, exclude: [] };
  });

async function show(file: NamedBytes): Promise<void> {
  await ensureBackend();
  const info = await worker().open(file);
  model.value = info;
  layers.value = undefined;
  outcome.value = undefined;
  pair.value = undefined;
  sampleCount.value = 0;
  leftOut.value = [];
}

/** A model of the page, with its inputs, and with its settings unless `asSaid`: then those of the address are kept. */
export const openPrepared = (choice: Prepared, { asSaid = false } = {}) =>
  doing(`Loading ${choice.label}`, async () => {
    const { target, budget } = settings.value;
    if (!asSaid) settings.value = { ...defaults, target, budget, ...choice.settings, model: choice.name };
    await show({ name: choice.file, bytes: await fetchBytes(choice.model) });
    if ('drawn' in choice.data)
      await afterSamples(await worker().useDrawn(choice.data.drawn, readOptions()), 'the page');
    else await read([{ name: choice.data.file, bytes: await fetchBytes(choice.data.url) }], 'the page');
  });

/** Opens the model of the page that the address names, if it names one. */
export async function openLinked(): Promise<void> {
  const choice = prepared.find(({ name }) => name === settings.peek().model);
  if (choice) await openPrepared(choice, { asSaid: true });
}

/** Files from a picker or a drop: a model, or inputs for it. Weights in safetensors are a model where there is none yet, and where one is picked. */
export async function take(files: readonly File[], { picked = false } = {}): Promise<void> {
  const weights = picked || !model.peek() ? /\.(pt|pth|safetensors)$/i : /\.(pt|pth)$/i;
  const found =
    files.find(({ name }) => /\.onnx$/i.test(name)) ?? files.find(({ name }) => weights.test(name));
  if (found) await openModel(found);
  const rest = files.filter((file) => file !== found);
  if (rest.length === 0) return;
  if (!model.peek()) {
    problem.value =
      'Open a model first: an ONNX file, which torch.onnx.export(model, example, "model.onnx") writes.';
    return;
  }
  await doing(`Reading ${rest.length === 1 ? rest[0].name : `${rest.length} files`}`, async () => {
    const bytes = await Promise.all(
      rest.map(async (file) => ({ name: file.name, bytes: await bytesOf(file) })),
    );
    await read(bytes, 'files');
  });
}

async function read(files: readonly NamedBytes[], from: 'files' | 'the page'): Promise<void> {
  const { count, wrong } = await worker().read(files, readOptions());
  leftOut.value = wrong;
  await afterSamples(count, from);
}

export const useRandom = () =>
  doing('Making random inputs', async () => afterSamples(await worker().useRandom(readOptions()), 'random'));

async function afterSamples(count: number, from: 'files' | 'random' | 'the page'): Promise<void> {
  sampleCount.value = count;
  samplesFrom.value = from;
  outcome.value = undefined;
  pair.value = undefined;
  if (count > 0) layers.value = await worker().layers();
}

/** How to make the model int8: as `quantize` does by itself, or with cures until the target is reached. */
interface How {
  readonly target: number | null;
  readonly cures: readonly CureName[] | null;
}

export const makeInt8 = (how: How) =>
  doing('Making it int8', async () => {
    const by = settings.value;
    const { budget, exclude } = by;
    const onProgress = proxy((now: QuantizeProgress) => {
      progress.value = now;
    });
    const made = await worker().quantize({ ...how, budget, exclude }, onProgress);
    outcome.value = { ...made, how, by };
    await showPair(0);
  });

/** As the last time, with the settings of now. */
export const makeAgain = () => makeInt8(outcome.peek()?.how ?? { target: null, cures: null });

export function cancel(): void {
  void worker().cancel();
}

export const compareSample = (index: number) => doing('Running both', () => showPair(index));

async function showPair(index: number): Promise<void> {
  pair.value = await worker().sideBySide(index);
}

/** The name of the int8 file. */
export const int8Name = computed(
  () => model.value?.name.replace(/\.onnx$/i, '.int8.onnx') ?? 'model.int8.onnx',
);

export const downloadModel = () =>
  doing('Writing the file', async () =>
    download(int8Name.value, await worker().file(), 'application/octet-stream'),
  );

export const downloadFloat = () =>
  doing('Writing the file', async () =>
    download(model.peek()?.name ?? 'model.onnx', await worker().floatFile(), 'application/octet-stream'),
  );

export const downloadWeights = () =>
  doing('Writing the file', async () =>
    download(
      int8Name.value.replace(/\.onnx$/, '.safetensors'),
      await worker().weights(),
      'application/octet-stream',
    ),
  );

export const downloadReport = () =>
  doing('Writing the report', async () => {
    const name = model.peek()?.name ?? 'model';
    const page = await worker().reportPage(`${name} in int8`, command.peek());
    download(`${name.replace(/\.onnx$/i, '')}.report.html`, page, 'text/html');
  });

/** The command that does the same. */
export const command = computed(() => {
  const now = outcome.value;
  if (!now) return '';
  const { how, by } = now;
  const options: ReadOptions = pixelRanges[by.pixels].options;
  return [
    `npx octet quantize ${word(model.value?.name ?? 'model.onnx')}`,
    samplesFrom.value === 'random' ? '--data random' : '--data inputs/',
    ...(options.scale ? [`--scale ${options.scale}`] : []),
    ...(options.mean ? [`--mean ${options.mean.join(',')}`] : []),
    ...(options.std ? [`--std ${options.std.join(',')}`] : []),
    ...(by.size ? [`--size ${by.size.join('x')}`] : []),
    ...(by.bgr ? ['--bgr'] : []),
    ...by.exclude.map((path) => `--exclude ${word(path)}`),
    ...(how.target === null ? [] : [`--target ${how.target}dB`, `--budget ${by.budget}`]),
    ...(how.cures ? [`--cures ${how.cures.join(',')}`] : []),
    `-o ${word(int8Name.value)}`,
  ].join(' ');
});

/** A word of a command, in quotes where a shell would split it or read more into it. */
function word(text: string): string {
  return /^[\w./:=,@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The program that does the same. */
export const program = computed(() => {
  const now = outcome.value;
  if (!now) return '';
  const { how, by } = now;
  const text = (value: unknown) => JSON.stringify(value).replaceAll('","', '", "');
  const options = [
    'data',
    ...(how.target === null ? [] : [`target: ${how.target}`, `budget: ${by.budget}`]),
    ...(how.cures ? [`cures: ${text(how.cures)}`] : []),
    ...(by.exclude.length > 0 ? [`exclude: ${text(by.exclude)}`] : []),
  ];
  return `import { readFile, writeFile } from 'node:fs/promises';
import { bestBackend } from 'octet';
import { quantize } from 'octet/inspect';
import { exportOnnx, importOnnx } from 'octet/onnx';
import { setBackend } from 'octet/tensor';

setBackend((await bestBackend()).backend);
const model = await importOnnx(await readFile(${text(model.value?.name ?? 'model.onnx')}));
const data = [/* tensors like those that the model will see, a dozen or more */];
const { model: int8, report } = await quantize(model, { ${options.join(', ')} });
console.log(String(report));
await writeFile(${text(int8Name.value)}, await exportOnnx(int8, data[0]));
`;
});

function download(name: string, content: Uint8Array | string, type: string): void {
  const url = URL.createObjectURL(new Blob([content as BlobPart], { type }));
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

async function bytesOf(file: File): Promise<Uint8Array> {
  return new Uint8Array(await file.arrayBuffer());
}

async function fetchBytes(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} could not be loaded: HTTP ${response.status}.`);
  return new Uint8Array(await response.arrayBuffer());
}
