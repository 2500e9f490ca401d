import { arch, cpus, platform, release, totalmem } from 'node:os';

/** What the numbers were measured on. */
export interface Host {
  cpu: string;
  cores: number;
  memoryBytes: number;
  os: string;
  arch: string;
  node: string;
  /** Its name and version, where a browser was measured. */
  browser?: string;
  v8: string;
}

export function hostInfo(): Host {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryBytes: totalmem(),
    os: `${platform()} ${release()}`,
    arch: arch(),
    node: process.versions.node,
    v8: process.versions.v8,
  };
}
