import { addDispatchHook, type DispatchEvent, dispatch } from '@octet/backend';
import { demand, type Law, without } from './law';

export const hooks: Law = {
  name: 'dispatch hooks see every kernel call until they are removed',
  async check(backend) {
    const traced = without(backend, { kernels: { fill: () => {} } });
    const events: DispatchEvent[] = [];
    const [dtype] = backend.dtypes;
    const y = { buffer: backend.allocate(dtype, 2), dtype, shape: [2] };
    const remove = addDispatchHook((event, run) => {
      if (event.backend === traced) events.push(event);
      run();
    });
    try {
      dispatch(traced, 'fill', {}, { y }, { value: 1 });
    } finally {
      remove();
    }
    dispatch(traced, 'fill', {}, { y }, { value: 1 });
    demand(events.length === 1, `the hook saw ${events.length} calls, expected 1`);
    demand(
      events[0].kernel === 'fill' && events[0].ranOn === traced && events[0].outputs.y === y,
      'the hook must see the kernel, the backend it runs on, and its tensors',
    );
    backend.free(y.buffer);
  },
};
