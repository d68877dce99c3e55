import { fileURLToPath } from 'node:url'

/** The folder that a `file:` URL names, and when a file of it is complete. */
export interface FileTarget {
  readonly folder: string
  readonly rotateBytes: number
  readonly rotateMs: number
}

const defaults = { rotateBytes: 64 * 1024 * 1024, rotateMs: 3_600_000 }
const example = 'file:///var/lib/events?rotateBytes=67108864&rotateMs=3600000'

/** Reads a `file:` URL. Throws Error with the problem and an example. */
export const fileTarget = (given: string): FileTarget => {
  const url = URL.parse(given)
  if (url?.protocol !== 'file:' || url.host !== '' || url.pathname.length < 2)
    throw new Error(`names no folder; write it with three slashes: ${example}`)
  const wrong = [...url.searchParams.keys()].find((name) => !Object.hasOwn(defaults, name))
  if (wrong !== undefined) throw new Error(`has the option ${wrong}, which a file sink does not have: ${example}`)
  const whole = (name: keyof typeof defaults) => {
    const text = url.searchParams.get(name) ?? String(defaults[name])
    if (!/^[1-9]\d{0,14}$/.test(text)) throw new Error(`has the ${name} ${text}: give a whole number above 0`)
    return Number(text)
  }
  return {
    folder: fileURLToPath(`file://${url.pathname}`),
    rotateBytes: whole('rotateBytes'),
    rotateMs: whole('rotateMs'),
  }
}
