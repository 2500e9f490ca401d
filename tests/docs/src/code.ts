import path from 'node:path';
import { writeText } from './compile';
import { type Block, blocksOf, documents } from './markdown';

/** Follows the guide to a new kernel, whose blocks are changes of the repository: see kernel-guide.test.ts. */
export const kernelGuide = 'docs/adding-a-kernel.md';

/** A block of TypeScript as a file. */
export interface CodeFile {
  readonly block: Block;
  /** From the folder that `writeCode` was given. */
  readonly file: string;
}

/** The TypeScript of all documents: a folder for each, where the blocks find each other by the names they have. */
export function writeCode(folder: string): CodeFile[] {
  return documents().flatMap((document) =>
    blocksOf(document)
      .filter(({ language, fragment, path: name }) => {
        const changesRepository = document === kernelGuide && name?.startsWith('packages/');
        return language === 'ts' && !fragment && !changesRepository;
      })
      .map((block) => {
        const file = path.join(document.replace(/\.md$/, ''), block.path ?? `line-${block.line}.ts`);
        // Everything is a module, so that no two blocks share their names.
        writeText(path.join(folder, file), `${block.code}\n\nexport {};\n`);
        return { block, file };
      }),
  );
}
