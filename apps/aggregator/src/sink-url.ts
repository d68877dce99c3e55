import { messagingSchemes } from '@armature/messaging-drivers/open'
import { fileTarget } from './file-target.ts'
import { opensearchTarget } from './opensearch-target.ts'

export type SinkKind = 'opensearch' | 'file' | 'topic'

/** The kind of sink that a URL names. Throws Error with the problem; never with the URL, which may hold a password. */
export const sinkKindOf = (url: string): SinkKind => {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? ''
  if (scheme === 'file') {
    fileTarget(url)
    return 'file'
  }
  if (messagingSchemes.includes(scheme)) return 'topic'
  opensearchTarget(url)
  return 'opensearch'
}
