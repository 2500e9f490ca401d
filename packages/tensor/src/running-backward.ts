import { AutogradError } from '@octet/backend';
import type { GradNode } from './autograd';
import { formatShape } from './layout';
import type { Tensor } from './tensor';

/** A backward function that runs: its op, its gradient, and when it began. */
interface Running {
  readonly op: string;
  readonly node: GradNode;
  readonly grad: Tensor;
  readonly since: number;
}

let running: Running | undefined;

/** Calls a backward function, whose reads are checked meanwhile. */
export function whileRunning<T>(what: Running, fn: () => T): T {
  const around = running;
  running = what;
  try {
    return fn();
  } finally {
    running = around;
  }
}

/**
 * Every tensor whose memory is read passes here, under the name that its reader has for it.
 * @throws AutogradError if a backward function reads what was changed in place after its op was recorded
 */
export function checkRead(name: string, { storage, shape }: Tensor): void {
  if (!running) return;
  const { op, node, grad, since } = running;
  if (!storage.changedBetween(node.recordedAt, since)) return;
  const use = node.used.find(({ serial }) => serial === storage.serial);
  // The gradient itself may be a tensor that was there before, unless the op has used it too.
  if (!use && storage === grad.storage) return;
  const { writer, version } = storage;
  throw new AutogradError({
    op,
    expected: `${use?.name ?? name} ${formatShape(use?.shape ?? shape)} of '${node.op}' as in the forward pass${use ? ` (version ${use.version})` : ''}`,
    found: `version ${version}: '${writer}' has changed it in place`,
    fix: writer.endsWith('Step')
      ? 'Call backward() before optimizer.step(), or run forward again after the step.'
      : 'Change it after backward(), or change a clone(); noGrad() makes no difference.',
  });
}
