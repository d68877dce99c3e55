import { createServer, type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

const answers: Readonly<Record<string, string>> = { QUIT: '221 bye', STARTTLS: '502 no TLS here' }

/** A mail server that takes every mail, without TLS. Closed with the test. */
export const openSmtpServer = async () => {
  const mails: string[] = []
  const commands: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    let buffered = ''
    let isData = false
    const say = (line: string) => void socket.write(`${line}\r\n`)
    say('220 test')
    socket.on('data', (chunk) => {
      buffered += chunk.toString()
      for (;;) {
        const end = isData ? '\r\n.\r\n' : '\r\n'
        const at = buffered.indexOf(end)
        if (at === -1) return
        const part = buffered.slice(0, at)
        buffered = buffered.slice(at + end.length)
        if (isData) {
          mails.push(part)
          isData = false
          say('250 taken')
          continue
        }
        commands.push(part)
        const [verb = ''] = part.split(' ')
        if (verb === 'DATA') {
          isData = true
          say('354 go on')
        } else say(answers[verb] ?? '250 ok')
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  )
  return { mails, commands, address: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}
