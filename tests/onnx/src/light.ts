import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from '../../../packages/onnx/src/onnx.generated';

/** The shape of a model's only input that isn't an initializer, as the file declares it. */
export function inputShape(model: Uint8Array): number[] {
  const { graph } = fromBinary(ModelProtoSchema, model);
  const weights = new Set(graph?.initializer.map(({ name }) => name));
  const type = graph?.input.find(({ name }) => !weights.has(name))?.type?.value;
  if (type?.case !== 'tensorType') throw new Error('no tensor');
  return (type.value.shape?.dim ?? []).map(({ value }) => Number(value.value));
}
