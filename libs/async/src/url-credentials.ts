export interface WithoutCredentials {
  /** A copy without user and password: `fetch` and undici refuse a URL that has them. */
  readonly url: URL
  /** Them as the header `authorization` sends them, `Basic ...` (RFC 7617); undefined where the URL has neither. */
  readonly basic: string | undefined
}

/**
 * A URL and its credentials, apart. A percent sign that begins no escape stands for itself. Throws TypeError for what is no URL.
 */
export const withoutCredentials = (given: string | URL): WithoutCredentials => {
  const url = new URL(given)
  const { username, password } = url
  url.username = ''
  url.password = ''
  if (username === '' && password === '') return { url, basic: undefined }
  return { url, basic: `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}` }
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
