import { cpSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { Database } from './database.ts'
import { ownedFolder } from './owned-folder.ts'
import { openFolder } from './pglite.ts'
import { preparePostgis, prepareTemplate, type Template, type TemplateOptions } from './template.ts'

export interface EmbeddedOptions extends TemplateOptions {
  /** The template that the database starts from, made when it is missing. Default: PostGIS and no tables. */
  template?: Template
}

/**
 * A database of this process's own, gone when it is closed or the process ends: PGlite with PostGIS on a private copy of the
 * template. Opening takes about a second, during which the event loop stands: open it before anything is served. It takes about
 * 850 MB, so share one by `withoutClose`. Rejects with DatabaseError.
 */
export const openEmbedded = async ({ template, ...options }: EmbeddedOptions = {}): Promise<Database> => {
  const source = await (template === undefined ? preparePostgis(options) : prepareTemplate(template, options))
  const folder = ownedFolder(tmpdir(), 'armature-database')
  try {
    cpSync(source, folder.path, { recursive: true })
    const database = await openFolder(folder.path)
    let closed: Promise<void> | undefined
    return { ...database, close: () => (closed ??= database.close().finally(() => folder.remove())) }
  } catch (error) {
    folder.remove()
    throw error
  }
}
