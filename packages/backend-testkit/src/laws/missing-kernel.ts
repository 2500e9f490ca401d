import { dispatch } from '@octet/backend';
import { demand, demandError, type Law, without } from './law';

export const missingKernel: Law = {
  name: 'a kernel that neither the backend nor a fallback has throws MissingKernelError with both names',
  async check(backend) {
    const bare = without(backend, { name: 'bare' });
    const [dtype] = backend.dtypes;
    const y = { buffer: backend.allocate(dtype, 2), dtype, shape: [2] };
    const { message } = await demandError('dispatch of a missing kernel', 'MissingKernelError', () =>
      dispatch(bare, 'fill', {}, { y }, { value: 1 }),
    );
    demand(
      message.includes("'fill'") && message.includes("'bare'"),
      `the error must name kernel and backend: ${message}`,
    );
    backend.free(y.buffer);
  },
};
