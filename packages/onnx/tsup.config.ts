import { library } from '@octet/build/tsup';
import { defineConfig } from 'tsup';

const { dts, ...options } = library();

// What takes messages of protobuf is not declared: its types need a newer TypeScript than ours do.
export default defineConfig({
  ...options,
  dts: { ...(dts as object), compilerOptions: { stripInternal: true } },
});
