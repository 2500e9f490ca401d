export {
  broadcastAll,
  broadcastStrides,
  checkedInt,
  type HostDType,
  HostTensor,
  onHost,
  rowMajor,
  toHost,
  toTensor,
  type Value,
  withLimit,
} from '@octet/nn/graph';
