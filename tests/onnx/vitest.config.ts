import { project } from '@octet/build/vitest';

export default project('onnx-cases', { testTimeout: 120_000 });
