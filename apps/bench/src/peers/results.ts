import type { QEngine } from '@octet/quantization';
import { formatShape } from '@octet/tensor';
import type { Host } from '../host';
import type { Provenance } from '../provenance';
import { right, type TableData } from '../terminal-table';
import { median } from '../timing';
import type { Contender } from './contender';
import { correlation } from './correlation';
import type { DType, Engine, Platform } from './engine';
import { type EngineName, engineNames, engines } from './engines';
import type { PeerFiles } from './files';
import type { PeerModelName } from './models';

/** What one engine did with one network. */
export interface PeerRow {
  model: PeerModelName;
  inputShape: readonly number[];
  engine: EngineName;
  version: string;
  dtype: DType;
  threads: number;
  medianMs: number;
  minMs: number;
  /** 10⁹ multiplications a second, by the median. */
  gmacs: number;
  macs: number;
  /** How many were timed in the rounds that count, and how many rounds were left out for their noise. */
  runs: number;
  roundsLeftOut: number;
  /** Of its output with that of Octet in the same dtype; of Octet's int8 with Octet's float32; null for other weights. */
  correlation: number | null;
}

/** How many times as fast Octet is as another engine with the same work, or as Octet in float or on one thread. */
export interface Ratio {
  model: PeerModelName;
  dtype: DType;
  threads: number;
  over: EngineName | 'float32' | 'one thread';
  ratio: number;
}

/** What the JSON file says. */
export interface PeersReport extends Partial<Provenance> {
  command: 'peers';
  platform: Platform;
  qengine: QEngine;
  rounds: number;
  rows: PeerRow[];
  ratios: Ratio[];
  /** What is not among the rows. */
  absent: { model: string; engine: string; dtype: string; threads: number; reason: string }[];
  host: Host;
}

/** By the `count` quietest rounds of each. */
export function peerRows(
  { model, macs, inputShape }: PeerFiles,
  contenders: readonly Contender[],
  count: number,
): PeerRow[] {
  const octet = (dtype: DType) =>
    contenders.find((c) => c.engine === 'octet' && c.job.dtype === dtype)?.output;
  return contenders.map(({ engine, version, job: { dtype, threads }, rounds, output }) => {
    const ms = rounds.quietest(count);
    const same = octet(engine === 'octet' ? 'float32' : dtype);
    const medianMs = median(ms);
    return {
      model,
      inputShape,
      engine,
      version,
      dtype,
      threads,
      medianMs,
      minMs: Math.min(...ms),
      gmacs: macs / medianMs / 1e6,
      macs,
      runs: ms.length,
      roundsLeftOut: Math.max(0, rounds.count - count),
      correlation: same && !hasOtherWeights(engine) ? correlation(output, same) : null,
    };
  });
}

/** Octet against each engine, its int8 against its float32, and its threads against one. */
export function peerRatios(rows: readonly PeerRow[]): Ratio[] {
  return rows
    .filter(({ engine }) => engine === 'octet')
    .flatMap((octet) => {
      const { model, dtype, threads } = octet;
      const ratio = (over: Ratio['over'], slower: Partial<PeerRow>): Ratio[] => {
        const wanted = { engine: 'octet', model, dtype, threads, ...slower };
        const row = rows.find(
          (r) =>
            r !== octet &&
            (Object.keys(wanted) as (keyof typeof wanted)[]).every((key) => r[key] === wanted[key]),
        );
        return row ? [{ model, dtype, threads, over, ratio: row.medianMs / octet.medianMs }] : [];
      };
      return [
        ...engineNames.flatMap((engine) => ratio(engine, { engine })),
        ...ratio('float32', { dtype: 'float32' }),
        ...ratio('one thread', { threads: 1 }),
      ];
    });
}

/** The rows, each with how many times as fast Octet is; then Octet against itself. */
export function peersTables({ rows, ratios }: PeersReport): TableData[] {
  const toOctet = ({ model, engine, dtype, threads }: PeerRow) =>
    ratios.find((r) => r.model === model && r.dtype === dtype && r.threads === threads && r.over === engine);
  const own = ratios.filter(({ over }) => over === 'float32' || over === 'one thread');
  return [
    {
      columns: [
        { title: 'network' },
        { title: 'engine' },
        { title: 'dtype' },
        right('threads'),
        right('median ms'),
        right('least ms'),
        right('GMAC/s'),
        right('Octet is'),
        right('agrees'),
      ],
      rows: rows.map((row) => [
        `${row.model} ${formatShape(row.inputShape)}`,
        row.engine,
        row.dtype,
        String(row.threads),
        row.medianMs.toFixed(2),
        row.minMs.toFixed(2),
        row.gmacs.toFixed(1),
        times(toOctet(row)?.ratio),
        row.correlation?.toFixed(4) ?? (hasOtherWeights(row.engine) ? 'other weights' : ''),
      ]),
    },
    {
      columns: [{ title: 'Octet' }, { title: 'dtype' }, right('threads'), { title: 'over' }, right('is')],
      rows: own.map(({ model, dtype, threads, over, ratio }) => [
        model,
        dtype,
        String(threads),
        over,
        times(ratio),
      ]),
    },
  ].filter((table) => table.rows.length > 0);
}

/** Whether it ran files of the same network with other weights. */
function hasOtherWeights(engine: EngineName): boolean {
  return (engines[engine] as Engine).otherWeights ?? false;
}

function times(ratio: number | undefined): string {
  return ratio === undefined ? '' : `${ratio.toFixed(2)} ×`;
}
