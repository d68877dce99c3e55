/** How images of this machine get into the nodes of a cluster. */
export type Loader = (images: readonly string[]) => readonly (readonly string[])[]

const known: Readonly<Record<string, Loader>> = {
  kind: (images) => [['kind', 'load', 'docker-image', ...images]],
  k3d: (images) => [['k3d', 'image', 'import', ...images]],
  minikube: (images) => images.map((image) => ['minikube', 'image', 'load', image]),
  /** The nodes have them already, or pull them. */
  none: () => [],
}

/** A loader by its name; any other text is a program that takes images as its arguments, with arguments of its own before them. */
export const loaderOf = (text: string): Loader => {
  const named = Object.hasOwn(known, text) ? known[text] : undefined
  if (named !== undefined) return named
  const command = text.split(' ').filter((word) => word !== '')
  return (images) => [[...command, ...images]]
}

export const loaderNames: readonly string[] = Object.keys(known)
