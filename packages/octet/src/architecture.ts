import { ArgumentError, checkOptions, describe } from '@octet/backend';
import type { AnyModule } from '@octet/nn';
import type { QEngine } from '@octet/quantization';
import type { ModelName } from '@octet/vision';

/** The key of the metadata of a safetensors file under which its architecture is, as JSON. */
const KEY = 'architecture';

/** What a model is made of, beside its weights. */
export interface Architecture {
  /** One of `listModels()`. */
  readonly model: ModelName;
  /** Those of the function of that name. Default: none. */
  readonly options?: object;
  /** Sizes of an input, such as `[1, 3, 224, 224]`. The first, the batch, may be another when the model runs. */
  readonly input: readonly number[];
  /**
   * Of an int8 model: the recipe by which it was made, as `fuseModel()`, `prepare(model, getDefaultQConfigMapping(int8))` and `convert`
   * make one. Default: the model is in float.
   */
  readonly int8?: QEngine;
}

/**
 * Metadata of a safetensors file by which `loadModel` makes the model of it:
 * `save(model.stateDict(), path, { metadata: architectureMetadata({ model: 'resnet18', input: [1, 3, 224, 224] }) })`.
 *
 * @throws ArgumentError for an architecture that can't be: see `Architecture`
 */
export function architectureMetadata(architecture: Architecture): Record<string, string> {
  return { [KEY]: JSON.stringify(checked('architectureMetadata', architecture)) };
}

/**
 * The architecture that the metadata of a file say.
 * @throws ArgumentError where they say none, or one that can't be
 */
export function architectureIn(metadata: Readonly<Record<string, string>>): Architecture {
  const text = metadata[KEY];
  if (text === undefined)
    throw wrong('loadModel', {
      expected: "safetensors with 'architecture' in their metadata",
      found: 'weights alone',
      fix: 'Save them with metadata: architectureMetadata(…), or make the model in TypeScript and pass parseSafetensors(bytes).toStateDict() to its loadStateDict.',
    });
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    throw wrong('loadModel', { expected: "JSON as 'architecture' in the metadata", found: describe(text) });
  }
  return checked('loadModel', read);
}

/** The model, with random weights, in evaluation mode. @throws ArgumentError for a model, options or a recipe that aren't there */
export async function build({ model: name, options, int8 }: Architecture): Promise<AnyModule> {
  const { getModel } = await import('@octet/vision');
  const model = getModel(name, options).eval();
  if (int8 === undefined) return model;
  const { convert, getDefaultQConfigMapping, prepare } = await import('@octet/quantization');
  model.fuseModel();
  return convert(prepare(model, getDefaultQConfigMapping(int8)), { requireCalibration: false });
}

function checked(op: string, value: unknown): Architecture {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(op, { expected: 'an architecture { model, input, … }', found: describe(value) });
  const architecture = checkOptions(op, value as Architecture, 'model options input int8');
  const { model, options, input } = architecture;
  if (typeof model !== 'string')
    throw wrong(op, { expected: 'model to be a name of listModels()', found: describe(model) });
  if (options !== undefined && (typeof options !== 'object' || options === null))
    throw wrong(op, { expected: 'options to be an object', found: describe(options) });
  if (!Array.isArray(input) || input.length === 0 || !input.every((n) => Number.isInteger(n) && n > 0))
    throw wrong(op, {
      expected: 'input to be a list of whole numbers > 0',
      found: describe(input),
      fix: 'Say the sizes of an input, such as [1, 3, 224, 224].',
    });
  return architecture;
}

function wrong(op: string, { fix, ...details }: { expected: string; found: string; fix?: string }) {
  return new ArgumentError({
    op,
    ...details,
    fix: fix ?? "Write it by architectureMetadata({ model: 'resnet18', input: [1, 3, 224, 224] }).",
  });
}
