import type { Message } from '@armature/messaging/message'

/** Whether a message is to be shown. */
export type Condition = (message: Message) => boolean

const shape = /^\s*([^\s=!~]{1,200})\s*(!=|=|~)\s*(.{0,1000})$/s

/**
 * Reads `FIELD=VALUE`, `FIELD!=VALUE` or `FIELD~TEXT` (contains). The field is `topic`, `key`, `id`, a header as `header.NAME`, else one of a
 * JSON body, with dots: of an object in it, else the header of that name. A message without the field fits `!=` alone. Throws Error that says what is wrong.
 */
export const parseCondition = (text: string): Condition => {
  const [, field = '', operator = '', value = ''] = shape.exec(text) ?? []
  if (field === '') throw new Error('is no condition: write FIELD=VALUE, FIELD!=VALUE or FIELD~TEXT')
  return (message) => {
    const found = valueOf(message, field)
    if (operator === '~') return found?.includes(value) === true
    return (found === value.trim()) === (operator === '=')
  }
}

const valueOf = (message: Message, field: string): string | undefined => {
  if (field === 'topic' || field === 'key' || field === 'id') return message[field]
  if (field.startsWith('header.')) return headerOf(message, field.slice('header.'.length))
  return bodyValueOf(message, field) ?? headerOf(message, field)
}

const headerOf = ({ headers }: Message, name: string): string | undefined => {
  const lower = name.toLowerCase()
  return Object.hasOwn(headers, lower) ? headers[lower] : undefined
}

const bodyValueOf = ({ body }: Message, field: string): string | undefined => {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined
  }
  for (const part of field.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<string, unknown>)[part]
  }
  return typeof value === 'string' ? value : JSON.stringify(value)
}
