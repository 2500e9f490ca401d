import type { Host } from '../host';
import type { Layer } from '../layers';
import type { DType } from '../peers/engine';
import type { Provenance } from '../provenance';
import type { ComparePlan } from './plan';

/** A browser, where there is no more to know. */
export interface BrowserHost {
  browser: string;
  cores: number;
  crossOriginIsolated: boolean;
}

export interface Time {
  medianMs: number;
  minMs: number;
  /** Between what the middle half of the runs lies. */
  middleMs: readonly [low: number, high: number];
}

/** One backend's part. */
export interface BackendResult {
  /** As the plan names it. */
  backend: string;
  /** As it names itself. */
  name: string;
  /** What it runs on, as it says. */
  info: Record<string, string | number | boolean>;
  /** null where the backend lacks a kernel for it. */
  fp32: Time | null;
  int8: Time;
  /** How many times faster int8 is, where both ran. */
  speedup: number | null;
  /** Why float32 did not run, if so. */
  floatSkipped?: string;
  /** Of the integers that leave the last int8 layer. */
  checksum: string;
  layers: Layer[];
}

/** Whether the int8 networks gave the same integers. */
export interface Agreement {
  /** The backend that the others are held against: the reference, or the first. */
  against: string;
  same: boolean;
  /** Those that differ, and the first layer where they do. */
  differ: { backend: string; layer: string }[];
}

/** A network that someone gave. */
export interface OwnModel {
  /** Of its file. */
  name: string;
  /** Of its inputs. */
  shapes: readonly (readonly number[])[];
  /** Where the numbers come from that it is calibrated on and timed with. */
  inputs: 'random' | 'given';
}

/** How another engine ran one of the networks. */
export interface PeerTime extends Time {
  engine: string;
  version: string;
  dtype: DType;
  /** Of its output with that of Octet in float32; null where they can't be compared. */
  correlation: number | null;
}

/** Octet by a plan, and other engines, each on one thread. */
export interface PeerTimes {
  rows: PeerTime[];
  absent: { engine: string; dtype: DType; reason: string }[];
}

/** What the JSON file says. */
export interface CompareReport extends ComparePlan, Partial<Provenance> {
  command: 'compare';
  /** Of the checkpoints. */
  bytes: { fp32: number; int8: number };
  results: BackendResult[];
  /** What did not run, and why. */
  absent: { backend: string; reason: string }[];
  /** null where nothing ran. */
  agreement: Agreement | null;
  host: Host | BrowserHost;
  /** Of a plan for a file. */
  own?: OwnModel;
  /** Of a plan with engines. */
  peers?: PeerTimes;
}
