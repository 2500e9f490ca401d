import { ArgumentError, checkOptions, describe, nodeModule } from '@octet/backend';
import { cannotImport } from '../errors';
import { EXTERNAL } from '../numbers';
import type { GraphProto, ModelProto, NodeProto, TensorProto } from '../onnx.generated';
import { type ByteSource, type FileSystem, openFile, sourceOf } from './byte-source';
import { decodeModel } from './decode';
import { type DownloadOptions, download, notFound } from './download';
import type { ReadBytes } from './tensors';

/** Where a model comes from: its bytes, the path of a file (in Node), or an address; in a page also one from the page's own. */
export type OnnxSource = Uint8Array | ArrayBuffer | string | Address;

/** A `URL`. */
interface Address {
  readonly href: string;
}

/** What browsers and Node have, of which library code has no types. */
interface Platform {
  URL: new (url: string, base?: string) => Address;
  /** Of a page. */
  document?: { readonly baseURI: string };
  /** Of a page or a worker. */
  location?: Address;
}

const platform = globalThis as unknown as Platform;

interface Path {
  join(...parts: string[]): string;
  dirname(path: string): string;
}

export interface OnnxFile {
  readonly model: ModelProto;
  readonly graph: GraphProto;
  readonly read: ReadBytes;
  /** Bytes of it and its external data. */
  readonly size: number;
  /** Whether nobody else has the bytes of its messages. */
  readonly own: boolean;
  /** To be called when nothing more is read. */
  close(): void;
}

/** Files beside the model, by their names in it. */
export type ExternalFiles = Readonly<Record<string, Uint8Array>>;

/** @throws OnnxImportError for what is no ONNX file; ArgumentError for another source, and where there is no file system */
export async function readOnnx(
  source: OnnxSource,
  given: ExternalFiles,
  options: DownloadOptions,
): Promise<OnnxFile> {
  const { main, beside } = await open('importOnnx', source, options);
  const files = new Map(Object.entries(given).map(([name, bytes]) => [name, sourceOf(bytes)]));
  const close = () => {
    for (const file of [main, ...files.values()]) file.close?.();
  };
  try {
    refuseOthers(main.read(0, Math.min(main.length, 16)));
    const model = decode(main);
    if (!model.graph)
      throw cannotImport(undefined, { expected: 'an ONNX model', found: 'a file without a graph' });
    for (const location of locations(model)) {
      if (!files.has(location)) files.set(location, await beside(location));
    }
    let size = main.length;
    for (const file of files.values()) size += file.length;
    const read: ReadBytes = (location, offset, length) => {
      const file = location === undefined ? main : (files.get(location) as ByteSource);
      const end = length === undefined ? file.length : offset + length;
      if (!(offset >= 0 && end >= offset && end <= file.length))
        throw new RangeError(`bytes ${offset} to ${end} of '${location}', which has ${file.length}`);
      return { bytes: file.read(offset, end - offset), own: file.copies };
    };
    return { model, graph: model.graph, read, size, own: main.copies, close };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * The bytes of a file that is no ONNX file, from where `importOnnx` takes files: bytes themselves, a path (in Node) or an address.
 *
 * @throws ArgumentError for another source, for what can't be read, and where there is no file system; the signal's reason
 */
export async function readSource(source: OnnxSource, options?: DownloadOptions): Promise<Uint8Array> {
  const checked = checkOptions('readSource', options, 'onProgress signal cache');
  const { main } = await open('readSource', source, checked);
  try {
    return main.read(0, main.length);
  } finally {
    main.close?.();
  }
}

/** Other files that people have models in: their first bytes, where they begin, and what they are. */
const otherFiles: readonly [start: string, at: number, what: string][] = [
  ['{', 8, 'a safetensors file'],
  ['PK', 0, "a zip file, such as PyTorch's .pt"],
  ['TFL3', 4, 'a TensorFlow Lite model'],
  ['\x89HDF', 0, 'an HDF5 file, such as one of Keras'],
  ['<', 0, 'a page of HTML or XML'],
];

function refuseOthers(bytes: Uint8Array): void {
  for (const [start, at, found] of otherFiles) {
    if (String.fromCharCode(...bytes.subarray(at, at + start.length)) !== start) continue;
    // A model may have such a byte by chance; no model begins with the length of a header.
    if (start === '{' && !bytes.subarray(4, 8).every((byte) => byte === 0)) continue;
    const fix =
      start === '<'
        ? 'Is the address right? Servers answer with a page for one that is wrong.'
        : 'Export the model to ONNX: docs/onnx.md has the lines for PyTorch.';
    throw cannotImport(undefined, { expected: 'an ONNX model', found, fix });
  }
}

function decode(source: ByteSource): ModelProto {
  try {
    return decodeModel(source);
  } catch (error) {
    throw cannotImport(
      undefined,
      { expected: 'an ONNX model', found: (error as Error).message },
      { cause: error },
    );
  }
}

/** An address that is written from the page's, in full. */
function absolute(address: string): string {
  const base = platform.document?.baseURI ?? platform.location?.href ?? '';
  return /^https?:/.test(base) ? new platform.URL(address, base).href : address;
}

interface Opened {
  readonly main: ByteSource;
  beside(location: string): Promise<ByteSource>;
}

async function open(op: string, source: OnnxSource, options: DownloadOptions): Promise<Opened> {
  const tag = Object.prototype.toString.call(source);
  if (tag === '[object Uint8Array]' || tag === '[object ArrayBuffer]') {
    const bytes =
      tag === '[object ArrayBuffer]' ? new Uint8Array(source as ArrayBuffer) : (source as Uint8Array);
    return { main: sourceOf(bytes), beside: notGiven };
  }
  const written: unknown =
    typeof source === 'string' ? source : (source as Partial<Address> | undefined)?.href;
  if (typeof written === 'string' && written !== '') {
    const given = absolute(written);
    if (/^(https?|data|blob):/.test(given)) {
      const from = async (address: string) => sourceOf(await download(address, options));
      const beside = (location: string) => from(new platform.URL(checkLocation(location), given).href);
      return { main: await from(given), beside };
    }
    const { fs, path, fileURLToPath } = await node(op);
    const file = given.startsWith('file:') ? fileURLToPath(given) : given;
    const openAt = (at: string): ByteSource => {
      try {
        return openFile(fs, at);
      } catch (error) {
        throw notFound(at, (error as Error).message, error);
      }
    };
    const beside = async (location: string) => openAt(path.join(path.dirname(file), checkLocation(location)));
    return { main: openAt(file), beside };
  }
  throw new ArgumentError({
    op,
    expected: 'the bytes of a file (Uint8Array), a path or a URL',
    found: describe(source),
    fix: 'Pass await (await fetch(address)).arrayBuffer(), or the path of the file.',
  });
}

async function node(op: string) {
  try {
    const [fs, path, { fileURLToPath }] = await Promise.all([
      nodeModule<FileSystem>('node:fs'),
      nodeModule<Path>('node:path'),
      nodeModule<{ fileURLToPath(url: string): string }>('node:url'),
    ]);
    return { fs, path, fileURLToPath };
  } catch (cause) {
    throw new ArgumentError(
      {
        op,
        expected: 'a file system, for a path',
        found: `none (${cause})`,
        fix: 'Pass the bytes, or a URL.',
      },
      { cause },
    );
  }
}

/** A file can name files in its own folder and below, nothing else. */
function checkLocation(location: string): string {
  if (location !== '' && !/^[/\\]|^[a-zA-Z][a-zA-Z0-9+.-]*:|(^|[/\\])\.\.([/\\]|$)|\0/.test(location))
    return location;
  throw cannotImport('external data', {
    expected: "the name of a file in the model's folder",
    found: `'${location.slice(0, 80)}'`,
  });
}

async function notGiven(location: string): Promise<never> {
  throw new ArgumentError({
    op: 'importOnnx',
    expected: `the file '${location.slice(0, 80)}', which has weights of the model`,
    found: 'bytes of the model alone',
    fix: `Pass it: importOnnx(bytes, { files: { '${location.slice(0, 80)}': … } }), or the path of the model.`,
  });
}

/** The graphs in a node's attributes. */
export function graphsIn({ attribute }: NodeProto): GraphProto[] {
  return attribute.flatMap(({ g, graphs }) => (g ? [g, ...graphs] : graphs));
}

/** Nodes, and those of the graphs in their attributes. */
export function* nodesIn(nodes: readonly NodeProto[]): Generator<NodeProto> {
  for (const node of nodes) {
    yield node;
    for (const graph of graphsIn(node)) yield* nodesIn(graph.node);
  }
}

/** The tensors of a graph: those that it begins with, and those in the attributes of its nodes. */
function* tensorsOf(graph: GraphProto): Generator<TensorProto> {
  yield* graph.initializer;
  for (const node of nodesIn(graph.node)) {
    for (const { t } of node.attribute) if (t) yield t;
    for (const { initializer } of graphsIn(node)) yield* initializer;
  }
}

/** The files that tensors of the model lie in. */
function locations({ graph }: ModelProto): Set<string> {
  const found = new Set<string>();
  for (const t of graph ? tensorsOf(graph) : []) {
    if (t.dataLocation === EXTERNAL)
      found.add(t.externalData.find(({ key }) => key === 'location')?.value ?? '');
  }
  return found;
}
