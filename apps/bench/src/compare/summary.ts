import { right, type TableData } from '../columns';
import { formatBytes, formatCount, formatPercent } from '../format';
import { markdownTable } from '../markdown';
import { modelSizes } from '../model-sizes';
import { type Provenance, provenanceText } from '../provenance';
import type { BackendResult, CompareReport, PeerTimes } from './report';

/** What was run, as in `Tutorial network, 4 images of 64 × 64`. */
export function titleOf({
  model,
  batch,
  size,
  own,
}: Pick<CompareReport, 'model' | 'batch' | 'size' | 'own'>): string {
  if (own) return `${own.name}, ${own.shapes.map((shape) => shape.join(' × ')).join(' and ')}`;
  if (model === 'own') return 'A file of your own';
  return `${modelSizes[model].title}, ${counted(batch, 'image')} of ${size} × ${size}`;
}

/** A row for each backend. */
export function latencyTable({ results }: CompareReport): TableData {
  return {
    columns: [
      { title: 'backend' },
      right('float32 ms'),
      right('int8 ms'),
      right('speedup'),
      right('least float32 ms'),
      right('least int8 ms'),
      { title: 'int8 checksum' },
    ],
    rows: results.map(({ backend, fp32, int8, speedup, checksum }) => [
      backend,
      fp32 ? formatTime(fp32.medianMs) : '',
      formatTime(int8.medianMs),
      speedup === null ? '' : `${speedup.toFixed(2)}×`,
      fp32 ? formatTime(fp32.minMs) : '',
      formatTime(int8.minMs),
      checksum,
    ]),
  };
}

/** A row for each layer, two columns for each backend. */
export function layersTable({ results }: CompareReport): TableData {
  const layers = new Map(results.flatMap((result) => result.layers.map((layer) => [layer.path, layer.macs])));
  const times = ({ layers }: BackendResult, path: string) => {
    const layer = layers.find((found) => found.path === path);
    return [layer?.fp32, layer?.int8].map((side) => (side ? side.medianMs.toFixed(3) : ''));
  };
  return {
    columns: [
      { title: 'layer' },
      right('MACs'),
      ...results.flatMap(({ backend }) => [right(`${backend} float32 ms`), right(`${backend} int8 ms`)]),
    ],
    rows: [...layers].map(([path, macs]) => [
      path,
      macs ? formatCount(macs) : '',
      ...results.flatMap((result) => times(result, path)),
    ]),
  };
}

/** A row for each engine and form, the fastest first. */
export function peersTable({ rows }: PeerTimes): TableData {
  const least = Math.min(...rows.map(({ medianMs }) => medianMs));
  return {
    columns: [
      { title: 'engine' },
      { title: 'dtype' },
      right('median ms'),
      right('least ms'),
      right('times the fastest'),
      right('agrees'),
      { title: 'version' },
    ],
    rows: [...rows]
      .sort((a, b) => a.medianMs - b.medianMs)
      .map(({ engine, dtype, medianMs, minMs, correlation, version }) => [
        engine,
        dtype,
        formatTime(medianMs),
        formatTime(minMs),
        (medianMs / least).toFixed(2),
        correlation === null ? '' : correlation.toFixed(4),
        version,
      ]),
  };
}

/** Which engines did not run, each reason once. */
export function peersAbsent({ absent }: PeerTimes): string[] {
  const reasons = new Map<string, string[]>();
  for (const { engine, dtype, reason } of absent) {
    const key = `${engine}\n${reason}`;
    reasons.set(key, [...(reasons.get(key) ?? []), dtype]);
  }
  return [...reasons].map(([key, dtypes]) => {
    const [engine, reason] = key.split('\n');
    return `${engine} did not run in ${listed(dtypes)}: ${reason}.`;
  });
}

/** What the table of engines holds. */
export const peersText =
  'Each engine on one thread, one after the other, from one JavaScript array to another; Octet by a plan. “Agrees” is the correlation with Octet in float32.';

/** What int8 gains, in a sentence: on the backend where it takes the least time, and whether the integers are the same. Undefined if nothing ran. */
export function verdictText({ results, bytes, agreement }: CompareReport): string | undefined {
  if (results.length === 0) return undefined;
  const fastest = results.reduce((a, b) => (b.int8.medianMs < a.int8.medianMs ? b : a));
  const { speedup, backend } = fastest;
  const speed =
    speedup === null
      ? `int8 takes ${formatTime(fastest.int8.medianMs)} ms on ${backend}`
      : speedup >= 1
        ? `int8 is ${speedup.toFixed(1)} × as fast as float32 on ${backend}`
        : `int8 takes ${(1 / speedup).toFixed(1)} × as long as float32 on ${backend}`;
  const size = `${(bytes.int8 / bytes.fp32).toFixed(2)} of its size`;
  const integers =
    results.length === 1
      ? ''
      : agreement?.same
        ? `; the same integers on ${results.length} backends`
        : '; the integers of the backends differ';
  return `${speed} and ${speedup === null ? 'the file is' : 'has'} ${size}${integers}.`;
}

/** Whether all backends gave the same integers, as a sentence. */
export function agreementText({ agreement, results, absent }: CompareReport): string {
  if (!agreement) return 'No backend ran.';
  const missing = absent.length > 0 ? ` ${listed(absent.map(({ backend }) => backend))} did not run.` : '';
  if (results.length === 1)
    return `Only ${agreement.against} ran: there is nothing to compare its integers with.${missing}`;
  if (agreement.same) {
    const names = listed(results.map(({ backend }) => backend));
    return `${absent.length > 0 ? names : `All ${results.length} backends (${names})`} gave the same integers.${missing}`;
  }
  const differ = agreement.differ.map(({ backend, layer }) => `${backend} (first at ${layer})`).join(', ');
  return `The integers differ from those of ${agreement.against}: ${differ}.${missing}`;
}

/** What did not run as it was asked to, and why. */
export function remarks({ absent, results, threads, host, own }: CompareReport): string[] {
  return [
    ...(own?.inputs === 'random'
      ? ['Its inputs are random numbers: they say how fast and how small int8 is, and nothing of how good.']
      : []),
    ...absent.map(({ backend, reason }) => `${backend} did not run: ${reason}`),
    ...results.flatMap(({ backend, floatSkipped }) =>
      floatSkipped === undefined ? [] : [`float32 was skipped on ${backend}: ${floatSkipped}.`],
    ),
    ...(threads > host.cores
      ? [
          `${threads} threads share ${counted(host.cores, 'core')}: more threads than cores make nothing faster.`,
        ]
      : []),
    ...results.flatMap(({ backend, info }) =>
      info.software === true
        ? [`${backend} ran on software (${info.adapter}): its times say nothing about GPUs.`]
        : [],
    ),
    ...results.flatMap(({ backend, info }) =>
      typeof info.threadsReason === 'string' && Number(info.threads) < threads
        ? [`${backend} ran on ${counted(Number(info.threads), 'thread')}: ${info.threadsReason}.`]
        : [],
    ),
  ];
}

export function bytesText({ bytes: { fp32, int8 }, own }: CompareReport): string {
  return `${own ? 'ONNX files' : 'Checkpoints'}: float32 ${formatBytes(fp32)}, int8 ${formatBytes(int8)}, ${formatPercent(int8 / fp32)} of the float one. Weights take a quarter; scales, biases and names stay as they are.`;
}

export function settingsText({ runs, threads }: CompareReport): string {
  return `Median of ${counted(runs, 'run')}, ${counted(threads, 'thread')} where a backend has them.`;
}

/** All of it but the charts. */
export function compareMarkdown(report: CompareReport): string {
  return [
    `# ${titleOf(report)}`,
    ...(report.results.length > 0 ? [verdictText(report)] : []),
    settingsText(report),
    ...(report.results.length > 0 ? [markdownTable(latencyTable(report))] : []),
    agreementText(report),
    ...remarks(report),
    bytesText(report),
    ...(report.peers
      ? ['## Other engines', markdownTable(peersTable(report.peers)), peersText, ...peersAbsent(report.peers)]
      : []),
    ...(report.results.length > 0 ? ['## Layers', markdownTable(layersTable(report))] : []),
    hostText(report),
  ].join('\n\n');
}

/** What it was measured on, with what and when. */
export function hostText({ host, ...made }: Pick<CompareReport, 'host'> & Partial<Provenance>): string {
  const machine =
    'cpu' in host
      ? `${host.cpu}, ${host.cores} cores; ${host.browser ?? `Node ${host.node}`}; ${host.os}`
      : `${host.browser}; ${host.cores} cores`;
  return `${[machine, ...provenanceText(made)].join('; ')}.`;
}

function formatTime(ms: number): string {
  return ms.toFixed(ms < 10 ? 2 : 1);
}

/** `a`, `a and b`, `a, b and c`. */
function listed(names: readonly string[]): string {
  return new Intl.ListFormat('en').format(names).replace(/, and /, ' and ');
}

function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
