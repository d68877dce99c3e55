import { parseAllDocuments } from 'yaml'

export type Labels = Readonly<Record<string, string>>

/** An object of Kubernetes as a chart renders it. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Labels
    readonly annotations?: Labels
  }
  readonly spec?: unknown
  readonly data?: Readonly<Record<string, string>>
  readonly stringData?: Readonly<Record<string, string>>
}

/** The objects in what `helm template` printed. Throws where a document is no YAML. */
export const manifests = (text: string): readonly Manifest[] =>
  parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(`not YAML: ${document.errors.join(', ')}`)
    const object = document.toJS() as Manifest | null
    return object === null ? [] : [object]
  })

export const ofKind = (objects: readonly Manifest[], ...kinds: readonly string[]): readonly Manifest[] =>
  objects.filter(({ kind }) => kinds.includes(kind))

/** The one object of a kind and name. Throws where it is absent. */
export const named = (objects: readonly Manifest[], kind: string, name: string): Manifest => {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name)
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`)
  return found
}
