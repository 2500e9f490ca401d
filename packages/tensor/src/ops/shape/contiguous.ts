import { checkOptions } from '@octet/backend';
import { op } from '../../autograd';
import { requireTensor, withStrides } from '../../kernel';
import { formatStrides, type MemoryFormat } from '../../layout';
import type { Tensor } from '../../tensor';

/** x itself if it lies in this memory format, else a copy that does. @throws ShapeError for channelsLast unless 4-d. */
export function contiguous(x: Tensor, options?: { memoryFormat?: MemoryFormat }): Tensor {
  const { memoryFormat = 'contiguous' } = checkOptions('contiguous', options, 'memoryFormat');
  requireTensor('contiguous', x);
  const strides = formatStrides('contiguous', x.shape, memoryFormat);
  if (x.isContiguous(memoryFormat)) return x;
  return op('contiguous', { x }, () => [withStrides(x, strides), (grad) => [grad]]);
}
