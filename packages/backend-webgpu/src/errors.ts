import { BackendError } from '@octet/backend';

/** The GPU went away: the driver was reset or updated, the device unplugged, or the page was in the background too long. */
export class DeviceLostError extends BackendError {
  override readonly name = 'DeviceLostError';

  /** @param reason what the browser or driver says */
  constructor(reason: string) {
    super({
      op: 'webgpu',
      expected: 'a GPU that is there',
      found: `one that was lost: ${reason.replace(/\.$/, '') || 'no reason was given'}`,
      fix: 'Its tensors are gone. Make a new backend, await createWebgpuBackend(), and load the model into it.',
    });
  }
}
