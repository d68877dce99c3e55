import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificate {
  readonly cert: string
  readonly key: string
}

const openssl = (folder: string, ...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })

/** A certificate authority in this folder: the paths of its PEM files. */
export const authority = (folder: string, name: string): Certificate => {
  const paths = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
  const subject = ['-subj', `/CN=${name}`, '-days', '2', '-nodes']
  openssl(folder, 'req', '-x509', '-newkey', 'rsa:2048', '-keyout', paths.key, '-out', paths.cert, ...subject)
  return paths
}

/** A certificate by that authority for this name, such as `IP:127.0.0.1`. */
export const certificate = (folder: string, name: string, by: Certificate, alternative: string): Certificate => {
  const paths = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
  const request = join(folder, `${name}.csr`)
  const extensions = join(folder, `${name}.ext`)
  writeFileSync(extensions, `subjectAltName=${alternative}\n`)
  openssl(folder, 'req', '-newkey', 'rsa:2048', '-nodes', '-keyout', paths.key, '-out', request, '-subj', `/CN=${name}`)
  const signing = ['-CA', by.cert, '-CAkey', by.key, '-CAcreateserial', '-days', '2', '-extfile', extensions]
  openssl(folder, 'x509', '-req', '-in', request, ...signing, '-out', paths.cert)
  return paths
}
