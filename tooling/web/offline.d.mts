import type { PluginOption } from 'vite';

export interface OfflineOptions {
  readonly name: string;
  readonly shortName: string;
  /** Endings of files, beside those of every page, that are kept at the first visit. */
  readonly first?: readonly string[];
  /** How the names of files end that are kept when they are first asked for. */
  readonly later?: readonly string[];
  /** Files that aren't kept at the first visit, whatever they end in. */
  readonly never?: string[];
}

/** A service worker that keeps a page for use without a network; `keepForOffline` registers it. */
export declare function offline(options: OfflineOptions): PluginOption;
