import { execFileSync } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Certificates for tests, in a folder of their own, made by openssl. */
export const certificates = () => {
  const folder = mkdtempSync(join(tmpdir(), 'certificates-'))
  const path = (name: string) => join(folder, name)
  const openssl = (...args: readonly string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let made = 0

  /** An authority: `NAME.pem`, `NAME.key`. */
  const authority = (name: string): string => {
    openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.pem`],
    )
    return path(`${name}.pem`)
  }

  /** Puts a certificate of `authority` for 127.0.0.1 and localhost at NAME.pem and NAME.key, each by one rename. */
  const issue = (name: string, { by, days = 2 }: { by: string; days?: number }) => {
    made += 1
    const draft = `draft-${made}`
    writeFileSync(path(`${draft}.ext`), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
    openssl(
      ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-subj', `/CN=${name}-${made}`, '-keyout', `${draft}.key`, '-out', `${draft}.csr`],
    )
    openssl(
      ...['x509', '-req', '-in', `${draft}.csr`, '-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-set_serial', `${made}`],
      ...['-days', `${days}`, '-extfile', `${draft}.ext`, '-out', `${draft}.pem`],
    )
    for (const kind of ['key', 'pem']) renameSync(path(`${draft}.${kind}`), path(`${name}.${kind}`))
    return { certFile: path(`${name}.pem`), keyFile: path(`${name}.key`), subject: `${name}-${made}` }
  }

  return { path, authority, issue, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
