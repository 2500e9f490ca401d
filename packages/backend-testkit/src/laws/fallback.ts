import { dispatch, type FallbackEvent } from '@octet/backend';
import { referenceBackend } from '@octet/backend-js-reference';
import { demand, demandError, type Law, without } from './law';

export const fallback: Law = {
  name: 'a missing kernel runs on the fallback and is reported, or is refused where nothing can be read at once',
  async check(backend) {
    const events: FallbackEvent[] = [];
    const lacking = without(backend, {
      fallback: referenceBackend,
      onFallback: (event) => void events.push(event),
    });
    const dtype = backend.dtypes.includes('uint8') ? 'uint8' : backend.dtypes[0];
    const y = { buffer: backend.allocate(dtype, 3), dtype, shape: [3] };
    const run = () => dispatch(lacking, 'fill', {}, { y }, { value: 1 });
    if (backend.readSync) {
      run();
      demand(events.length === 1, `onFallback was called ${events.length} times, expected once`);
      const [{ kernel, backend: from, fallback: to }] = events;
      demand(
        kernel === 'fill' && from === lacking && to === referenceBackend,
        `onFallback was told ${kernel} from '${from.name}' to '${to.name}'`,
      );
      const found = await backend.read(y.buffer, 3);
      demand(`${found}` === '1,1,1', `the fallback's result didn't arrive: ${found}`);
    } else {
      await demandError('fallback without readSync', 'MissingKernelError', run);
    }
    backend.free(y.buffer);
  },
};
