/** A backend as a page names it, without the code that loads it. */
export interface Choice {
  label: string;
}

/** One line per backend, by the name that pages know it by; the first is the default. */
export const choices = {
  wasm: { label: 'WebAssembly SIMD' },
  js: { label: 'JavaScript, the reference' },
} satisfies Record<string, Choice>;

export type BackendName = keyof typeof choices;

export const backendNames = Object.keys(choices) as BackendName[];
