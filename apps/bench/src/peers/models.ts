import { BatchNorm2d, Linear, type Module, ReLU, Sequential } from '@octet/nn';
import {
  convert,
  getDefaultDynamicQConfig,
  getDefaultQConfigMapping,
  prepare,
  type QEngine,
  quantizeDynamic,
} from '@octet/quantization';
import { noGrad, type Tensor } from '@octet/tensor';
import { type ModelName, models } from '../models';

export interface InputSize {
  batch?: number | undefined;
  /** Height and width, where there are any. */
  size?: number | undefined;
}

/** A network that engines are compared on. */
export interface PeerModel {
  /** What the names of its TensorFlow Lite files begin with, if not with its own name. */
  tflite?: string;
  inputShape(of: InputSize): number[];
  /** In float, in evaluation mode, fused. Its batch normalisations take their statistics from `data`, if given. */
  create(data?: Tensor): Module;
  /** Its int8 form, calibrated on `data`, if given: else its state is to be loaded. */
  toInt8(float: Module, qengine: QEngine, data?: Tensor): Promise<Module>;
}

/** One of the known networks for images. */
export function images(name: ModelName, usualBatch: number): PeerModel {
  const spec = models[name];
  return {
    inputShape: ({ batch = usualBatch, size = spec.size }) => [batch, spec.channels, size, size],
    create(data) {
      const model = spec.create();
      if (data) settle(model, data);
      model.eval();
      model.fuseModel();
      return model;
    },
    async toInt8(float, qengine, data) {
      const prepared = prepare(float, getDefaultQConfigMapping(qengine));
      if (data) noGrad(() => prepared.call(data));
      return convert(prepared, { inplace: true, requireCalibration: data !== undefined });
    },
  };
}

/** Sets the running statistics to those of `data`: with untrained ones the activations would fade away. */
function settle(model: Module, data: Tensor): void {
  for (const module of model.modules()) {
    if (module instanceof BatchNorm2d) Object.assign(module, { momentum: 1 });
  }
  model.train();
  noGrad(() => model.call(data));
}

const width = 1024;

/** Three linear layers; in int8 their inputs are quantized at every call. */
const mlp: PeerModel = {
  inputShape: ({ batch = 256 }) => [batch, width],
  create: () => {
    const linear = () => new Linear(width, width);
    return new Sequential(linear(), new ReLU(), linear(), new ReLU(), linear()).eval();
  },
  toInt8: (float, qengine) => quantizeDynamic(float, { qconfig: getDefaultDynamicQConfig(qengine) }),
};

/** One line a network. */
export const peerModels = {
  tutorial: { ...images('tutorial', 50), tflite: 'seed' },
  mobilenetv2: { ...images('mobilenetv2', 1), tflite: 'mbv2' },
  resnet18: images('resnet18', 1),
  mlp,
} as const satisfies Record<string, PeerModel>;

export type PeerModelName = keyof typeof peerModels;

export const peerModelNames = Object.keys(peerModels) as PeerModelName[];
