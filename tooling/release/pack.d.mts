/** A package that gets published. */
export interface PublicPackage {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
  /** The packages of this repository that it needs. */
  readonly needs: readonly string[];
}

/** The public packages of the repository at `root`, each after those that it needs. */
export function publicPackages(root: string): PublicPackage[];

/** Packs every public package of the repository at `root`, as it is built, into `folder`. Returns the tarballs by the packages' names. */
export function packAll(root: string, folder: string): Promise<Record<string, string>>;
