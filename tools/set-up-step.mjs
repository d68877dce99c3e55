// How tools/set-up.mjs runs a step: with progress, in a process group of its own, one set-up at a time.
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

const lockLimitMs = 900_000
/** A lock without a process id is one whose owner died between making and writing it. */
const unwrittenAfterMs = 2_000
const killGraceMs = 3_000

/** A reason to stop that is the user's to mend: printed without a stack. */
export class Failure extends Error {
  constructor(message, exitCode) {
    super(message)
    this.exitCode = exitCode
  }
}

export const say = (line) => process.stderr.write(`${line}\n`)

/** Shows that a step is under way: a spinner on a terminal, else a line at the start and one each ten seconds. */
const progress = (what) => {
  const start = Date.now()
  const seconds = () => Math.round((Date.now() - start) / 1000)
  const tty = process.stderr.isTTY
  const frames = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'
  let turn = 0
  if (!tty) say(`${what} ...`)
  const draw = () => {
    if (tty) process.stderr.write(`\r${frames[turn++ % frames.length]} ${what} ... ${seconds()} s`)
    else say(`${what} ... ${seconds()} s`)
  }
  const timer = setInterval(draw, tty ? 100 : 10_000)
  return (outcome) => {
    clearInterval(timer)
    if (tty) process.stderr.write('\r\u001b[K')
    say(`${what}: ${outcome} (${seconds()} s)`)
  }
}

/** The group of the step under way, ended with us: npm and what it starts must not outlive a Ctrl-C. */
let running

/** Runs a step; `printed` is its stdout, `output` all it wrote. A step that overruns its limit is ended. */
export const run = (what, command, args, { cwd, env, limitMs }) =>
  new Promise((done) => {
    const end = progress(what)
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    running = child
    let output = ''
    let printed = ''
    child.stdout.on('data', (chunk) => (printed = (printed + chunk).slice(-1_000_000)))
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => (output = (output + chunk).slice(-1_000_000)))
    }
    const limit = limitMs && setTimeout(() => signalGroup(child, 'SIGKILL'), limitMs)
    const settle = (ok, problem) => {
      clearTimeout(limit)
      running = undefined
      end(ok ? 'done' : 'failed')
      done({ ok, printed, output: problem ? `${output}${problem}\n` : output })
    }
    child.once('error', (fault) => settle(false, fault.message))
    child.once('close', (code, signal) =>
      settle(code === 0, code === 0 ? '' : `ended with ${signal ?? `code ${code}`}`),
    )
  })

const signalGroup = (child, signal) => {
  try {
    process.kill(-child.pid, signal)
  } catch {
    // It has ended already.
  }
}

for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  process.on(signal, () => {
    if (running === undefined) process.exit(exitCode)
    const child = running
    say('\nInterrupted: the next run does this step again.')
    child.removeAllListeners('close')
    child.once('close', () => process.exit(exitCode))
    signalGroup(child, 'SIGTERM')
    setTimeout(() => {
      signalGroup(child, 'SIGKILL')
      process.exit(exitCode)
    }, killGraceMs)
  })
}

/** Gives up the lock that this process holds. */
let held
process.on('exit', () => held?.())

/** Takes the lock of a checkout: two set-ups at a time would empty node_modules under each other. Returns its release. */
export const lock = async (path) => {
  mkdirSync(dirname(path), { recursive: true })
  const end = Date.now() + lockLimitMs
  for (let waiting = false; !take(path); waiting = true) {
    if (abandoned(path)) rmSync(path, { force: true })
    else if (Date.now() > end) throw new Failure(`Another set-up holds ${path}: end it or remove the file.`, 69)
    else if (!waiting) say('Another set-up of this checkout is under way, waiting for it ...')
    await new Promise((next) => setTimeout(next, 200))
  }
  held = () => {
    rmSync(path, { force: true })
    held = undefined
  }
  return held
}

const take = (path) => {
  try {
    const file = openSync(path, 'wx')
    writeFileSync(file, String(process.pid))
    closeSync(file)
    return true
  } catch (fault) {
    if (fault.code === 'EEXIST') return false
    throw fault
  }
}

const abandoned = (path) => {
  try {
    const owner = Number(readFileSync(path, 'utf8'))
    return owner > 0 ? !alive(owner) : Date.now() - statSync(path).mtimeMs > unwrittenAfterMs
  } catch {
    return false
  }
}

const alive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (fault) {
    return fault.code === 'EPERM'
  }
}
