import { chmod, copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import * as z from 'zod'

const entry = 'main.js'
/** Behind the name of a file while it is written. */
const unfinished = '.installing'

/**
 * Copies the bundle to a folder, which is made where it is missing. Each file is put in place by a rename, the entry last: a copy that was interrupted has no
 * entry that fails halfway, and the next one completes it. Other files of the folder stay. Resolves with the number of files. Rejects with ServiceError that says what to do.
 */
export const installBundle = async (bundle: string, folder: string): Promise<number> => {
  const target = resolve(folder)
  if (target === bundle || target.startsWith(`${bundle}/`))
    throw new ServiceError(`${target} is the folder of the bundle itself`, {
      exitCode: exitCodes.usage,
      fix: 'Give another folder, such as the mount of an emptyDir',
    })
  const files = await filesOf(bundle)
  try {
    for (const file of files) await put(join(bundle, file), join(target, file))
  } catch (cause) {
    throw notInstalled(target, cause)
  }
  return files.length
}

/** The files of the bundle, the entry last. Rejects with ServiceError where this runs from its sources. */
const filesOf = async (bundle: string): Promise<string[]> => {
  await stat(join(bundle, entry)).catch((cause: unknown) => {
    throw new ServiceError('runs from its sources, which have no bundle', {
      exitCode: exitCodes.usage,
      fix: 'Build it (npx nx build log-shipper) and call node apps/log-shipper/dist/main.js install FOLDER',
      cause,
    })
  })
  const entries = await readdir(bundle, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((one) => one.isFile())
    .map(({ parentPath, name }) => relative(bundle, join(parentPath, name)))
  return [...files.filter((file) => file !== entry), entry]
}

/** Any user may read the copy, whatever the umask: the container that runs it may have another one. */
const put = async (from: string, to: string): Promise<void> => {
  await makeFolder(dirname(to))
  const draft = `${to}${unfinished}`
  try {
    await copyFile(from, draft)
    await chmod(draft, 0o644)
    await rename(draft, to)
  } catch (fault) {
    await rm(draft, { force: true }).catch(() => undefined)
    throw fault
  }
}

const makeFolder = async (folder: string): Promise<void> => {
  const first = await mkdir(folder, { recursive: true })
  if (first === undefined) return
  for (let made = folder; made.length >= first.length; made = dirname(made)) await chmod(made, 0o755)
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'its file system is read-only',
  ENOSPC: 'there is no room left',
  EDQUOT: 'there is no room left',
  ENOTDIR: 'a file is in the way',
  EEXIST: 'a file is in the way',
  EISDIR: 'a folder is in the way',
  ENOENT: 'it was removed meanwhile, or another installation runs',
}

const notInstalled = (folder: string, cause: unknown): ServiceError => {
  const { code = '', message } = cause as NodeJS.ErrnoException
  return new ServiceError(`cannot install into ${folder}: ${reasons[code] ?? message}`, {
    exitCode: exitCodes.io,
    fix: 'Give a folder that this user may write, with 20 MB of room, such as the mount of an emptyDir',
    cause,
  })
}

/** `log-shipper install FOLDER`, for the init container of a pod: images without a shell have no cp. */
export const installCommand = command({
  summary: 'Copy this bundle to a folder, so that another container can run node FOLDER/main.js',
  settings: z.object({}),
  positionals: { usage: 'FOLDER', min: 1, max: 1 },
  run: async (_config, { positionals: [folder = ''], stderr }) => {
    const count = await installBundle(import.meta.dirname, folder)
    stderr.write(`${count} files are in ${resolve(folder)}\n`)
    return exitCodes.ok
  },
})
