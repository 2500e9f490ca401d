import type { ImagePixels } from '@octet/data';
import { kindOf, type SampleFile } from '@octet/samples';

/** The bytes of a file, unpacked if its name ends in .gz. */
export async function unpacked({ name, bytes }: SampleFile): Promise<Uint8Array> {
  if (!kindOf(name).zipped) return bytes;
  const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** An image as the browser decodes it, without colour profiles and turned as its metadata says. */
export async function decodeImage({ bytes }: SampleFile): Promise<ImagePixels> {
  const bitmap = await createImageBitmap(new Blob([bytes as BlobPart]), {
    colorSpaceConversion: 'none',
    premultiplyAlpha: 'none',
  });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('this browser gives no canvas to decode it on');
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}
