/** The milliseconds from a new process to its first answer. */
export interface ColdPhases {
  /** Node itself. */
  node: number;
  /** This library's code, read and evaluated. */
  import: number;
  /** The WebAssembly module, compiled and instantiated. */
  instantiate: number;
  /** The network, built and filled from its checkpoint. */
  load: number;
  /** One image, to the label. */
  run: number;
}

/** What the process is asked. */
export interface ColdRequest {
  checkpoint: string;
  threads: number;
}
