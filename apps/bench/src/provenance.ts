import { version } from '../../../packages/tensor/package.json';

/** Where results come from. */
export interface Provenance {
  /** When, as ISO 8601 in UTC. */
  date: string;
  /** Of Octet: of its core, @octet/tensor. */
  version: string;
}

export function provenance(): Provenance {
  return { date: new Date().toISOString(), version };
}

/** As in `Octet 0.1.0, 2026-11-29`. Results of older versions have neither. */
export function provenanceText({ date, version: of }: Partial<Provenance>): string {
  return date === undefined ? '' : `Octet ${of}, ${date.slice(0, 10)}`;
}
