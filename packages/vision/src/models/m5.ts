import { checkOptions } from '@octet/backend';
import { AdaptiveAvgPool1d, BatchNorm1d, Conv1d, Flatten, Linear, MaxPool1d, Module, ReLU } from '@octet/nn';
import { DeQuantStub, QuantStub } from '@octet/quantization';
import { type Tensor, tidy } from '@octet/tensor';
import { fuseLayers } from '../fuse-layers';
import { type Pretrained, withWeights } from './pretrained';

export interface M5Options {
  /** How many words. */
  numClasses?: number;
  /** Of the input: 1 for mono. */
  channels?: number;
  /** The channels after the first two convolutions; twice as many after the others. */
  width?: number;
}

/**
 * A keyword spotter on the samples themselves, quantizable: [N, channels, T] → [N, 1, numClasses], logarithms of probabilities; T is 8000, one
 * second, or more. M5 of Dai et al., "Very deep convolutional neural networks for raw waveforms", 2016; layout and state dict are those of
 * torchaudio's tutorial on speech commands.
 */
export class M5 extends Module {
  static override readonly name: string = 'M5';
  static readonly pure = true;

  readonly conv1: Conv1d;
  readonly bn1: BatchNorm1d;
  readonly relu1 = new ReLU();
  readonly pool1 = new MaxPool1d(4);
  readonly conv2: Conv1d;
  readonly bn2: BatchNorm1d;
  readonly relu2 = new ReLU();
  readonly pool2 = new MaxPool1d(4);
  readonly conv3: Conv1d;
  readonly bn3: BatchNorm1d;
  readonly relu3 = new ReLU();
  readonly pool3 = new MaxPool1d(4);
  readonly conv4: Conv1d;
  readonly bn4: BatchNorm1d;
  readonly relu4 = new ReLU();
  readonly pool4 = new MaxPool1d(4);
  readonly fc1: Linear;
  readonly quant = new QuantStub();
  readonly dequant = new DeQuantStub();
  private readonly pool = new AdaptiveAvgPool1d(1);
  private readonly flatten = new Flatten();

  constructor(options: M5Options = {}) {
    super();
    const {
      numClasses = 35,
      channels = 1,
      width = 32,
    } = checkOptions('M5', options, 'numClasses channels width');
    this.conv1 = new Conv1d(channels, width, 80, { stride: 16 });
    this.bn1 = new BatchNorm1d(width);
    this.conv2 = new Conv1d(width, width, 3);
    this.bn2 = new BatchNorm1d(width);
    this.conv3 = new Conv1d(width, 2 * width, 3);
    this.bn3 = new BatchNorm1d(2 * width);
    this.conv4 = new Conv1d(2 * width, 2 * width, 3);
    this.bn4 = new BatchNorm1d(2 * width);
    this.fc1 = new Linear(2 * width, numClasses);
  }

  forward(x: Tensor): Tensor {
    return tidy(() => {
      const a = this.pool1.call(this.relu1.call(this.bn1.call(this.conv1.call(this.quant.call(x)))));
      const b = this.pool2.call(this.relu2.call(this.bn2.call(this.conv2.call(a))));
      const c = this.pool3.call(this.relu3.call(this.bn3.call(this.conv3.call(b))));
      const d = this.pool4.call(this.relu4.call(this.bn4.call(this.conv4.call(c))));
      const logits = this.dequant.call(this.fc1.call(this.flatten.call(this.pool.call(d))));
      return logits.logSoftmax(1).unsqueeze(1);
    });
  }

  /** Fuses convolutions, batch normalisations and ReLUs, in place: folded in evaluation mode, kept in training. */
  fuseModel(): void {
    for (const k of [1, 2, 3, 4]) fuseLayers(this, [`conv${k}`, `bn${k}`, `relu${k}`]);
  }
}

/** An M5; with `pretrained`, the weights in it. @throws ModuleError if they don't fit */
export function m5(options?: Pretrained & M5Options): M5 {
  const { pretrained, ...rest } = checkOptions('m5', options, 'numClasses channels width pretrained');
  return withWeights(new M5(rest), pretrained);
}
