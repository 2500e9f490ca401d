import { parsePt, parseSafetensors, ptStateDict } from '@octet/formats';
import type { AnyModule, StateDict } from '@octet/nn';
import { exportOnnx } from '@octet/onnx';
import { zeros } from '@octet/tensor';

type Vision = typeof import('@octet/vision');

interface Network {
  readonly label: string;
  /** What makes it. */
  readonly name: {
    [K in keyof Vision]: Vision[K] extends (options: { numClasses: number }) => AnyModule ? K : never;
  }[keyof Vision];
  /** The key of its last bias: as long as there are classes. */
  readonly head: string;
}

/** Networks whose weights can be opened: torchvision's, one line each. */
const networks: readonly Network[] = [
  { label: 'SqueezeNet 1.1', name: 'squeezenet11', head: 'classifier.1.bias' },
  { label: 'SqueezeNet 1.0', name: 'squeezenet10', head: 'classifier.1.bias' },
  { label: 'ShuffleNetV2 × 0.5', name: 'shufflenetV2x05', head: 'fc.bias' },
  { label: 'ShuffleNetV2 × 1.0', name: 'shufflenetV2x10', head: 'fc.bias' },
  { label: 'MobileNetV3 small', name: 'mobilenetV3Small', head: 'classifier.3.bias' },
  { label: 'MobileNetV2', name: 'mobilenetV2', head: 'classifier.1.bias' },
  { label: 'MobileNetV3 large', name: 'mobilenetV3Large', head: 'classifier.3.bias' },
  { label: 'EfficientNet B0', name: 'efficientnetB0', head: 'classifier.1.bias' },
  { label: 'ResNet-18', name: 'resnet18', head: 'fc.bias' },
  { label: 'ResNet-34', name: 'resnet34', head: 'fc.bias' },
  { label: 'ResNet-50', name: 'resnet50', head: 'fc.bias' },
];

/** Height and width of the images that they were trained with. */
const SIZE = 224;

/**
 * Weights of a network that the page knows, as an ONNX file for images of 224 × 224.
 *
 * @param name ends in `.safetensors`, else the file is one of `torch.save(model.state_dict(), …)`
 * @throws Error for weights of no network of these; FormatError for damaged files; ModuleError for shapes that don't fit
 */
export async function networkOfWeights(
  name: string,
  bytes: Uint8Array,
): Promise<{ label: string; onnx: Uint8Array }> {
  const state: StateDict = /\.safetensors$/i.test(name)
    ? parseSafetensors(bytes, { file: name }).toStateDict()
    : ptStateDict(parsePt(bytes, { file: name }));
  const vision = await import('@octet/vision');
  const wanted = keysOf(state);
  for (const { label, head, name: maker } of networks) {
    const numClasses = state[head]?.shape[0];
    if (numClasses === undefined) continue;
    const model: AnyModule = vision[maker]({ numClasses });
    if (keysOf(model.stateDict()) !== wanted) continue;
    model.loadStateDict(state);
    return { label, onnx: await exportOnnx(model.eval(), zeros([1, 3, SIZE, SIZE])) };
  }
  throw new Error(
    `${name} has weights of no network that this page knows (${networks.map(({ label }) => label).join(', ')}). Export the model itself: torch.onnx.export(model, example, "model.onnx").`,
  );
}

/** The names of all tensors in one text; counters of batch norms may be missing. */
function keysOf(state: StateDict): string {
  return Object.keys(state)
    .filter((key) => !key.endsWith('num_batches_tracked'))
    .sort()
    .join('\n');
}
