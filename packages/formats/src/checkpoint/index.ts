import { checkOptions } from '@octet/backend';
import { makeErrorFor, type ParseOptions } from '../errors';
import type { WriteFileOptions } from '../files/write-file';
import { open, save } from '../safetensors/files';
import { parseSafetensors } from '../safetensors/read';
import { serializeSafetensorsAsync } from '../safetensors/write';
import { checkTargets, restore, type Targets } from './restore';
import { CHECKPOINT, putTogether, takeApart } from './structure';

export type { Restorable, Targets } from './restore';
export type { Stateful } from './structure';

/**
 * Saves a whole training run in one safetensors file: of what has a `stateDict()` (models, optimizers, schedules) its state, everything else
 * as it is: tensors, numbers, texts, truth values, and lists and plain objects of these. The tensors are named by where they were, as in
 * `model.conv1.weight`; the rest is JSON in the metadata, under `octet.checkpoint`. The file appears whole or not at all.
 *
 * @throws ArgumentError for values that can't be saved, before anything is written; the errors of the file system; the signal's reason
 * @example await saveCheckpoint('run.safetensors', { model, optimizer, scheduler, epoch });
 */
export async function saveCheckpoint(
  path: string,
  values: object,
  options?: WriteFileOptions,
): Promise<void> {
  const { signal } = checkOptions('saveCheckpoint', options, 'signal');
  const { tensors, json } = takeApart('saveCheckpoint', values);
  await save(tensors, path, { metadata: { [CHECKPOINT]: json }, ...(signal ? { signal } : {}) });
}

/** The bytes of such a file, where there are no files. @throws ArgumentError for values that can't be saved */
export async function serializeCheckpoint(values: object): Promise<Uint8Array> {
  const { tensors, json } = takeApart('serializeCheckpoint', values);
  return serializeSafetensorsAsync(tensors, { metadata: { [CHECKPOINT]: json } });
}

/**
 * Reads what `saveCheckpoint` saved, and hands each of `targets` the state under its name; gives back the other values. All or nothing:
 * where one refuses its state, all are as they were.
 *
 * @throws FormatError for a file that isn't one; ArgumentError if it has no state of a target's name; what the targets throw of states that
 * don't fit; the errors of the file system
 * @example const { epoch } = await loadCheckpoint('run.safetensors', { model, optimizer, scheduler });
 */
export async function loadCheckpoint(path: string, targets: Targets = {}): Promise<Record<string, unknown>> {
  const op = 'loadCheckpoint';
  const given = checkTargets(op, targets);
  const file = await open(path);
  try {
    const tensors = await file.toStateDict();
    const values = putTogether(file.metadata[CHECKPOINT], tensors, makeErrorFor('checkpoint', path));
    return await restore(op, values, given);
  } finally {
    await file.close();
  }
}

/** As `loadCheckpoint`, from the bytes of such a file. @throws as `loadCheckpoint` */
export async function parseCheckpoint(
  bytes: Uint8Array,
  targets: Targets = {},
  options?: ParseOptions,
): Promise<Record<string, unknown>> {
  const op = 'parseCheckpoint';
  const { file: name } = checkOptions(op, options, 'file');
  const given = checkTargets(op, targets);
  const file = parseSafetensors(bytes, name === undefined ? {} : { file: name });
  const values = putTogether(file.metadata[CHECKPOINT], file.toStateDict(), makeErrorFor('checkpoint', name));
  return restore(op, values, given);
}
