import { version } from '@octet/tensor/package.json';

/** Where results come from. Files of older versions say neither. */
export interface Provenance {
  /** When, as ISO 8601 in UTC. */
  date: string;
  /** Of Octet: of its core, @octet/tensor. */
  version: string;
}

export function provenance(): Provenance {
  return { date: new Date().toISOString(), version };
}

/** As in `Octet 0.1.0, 2026-11-29`; nothing for results that don't say. */
export function provenanceText({ date, version: of }: Partial<Provenance>): string[] {
  return date === undefined ? [] : [`Octet ${of}, ${date.slice(0, 10)}`];
}
