// Loaded before StatsD.
const dns = require('dns')
const util = require('util')

// StatsD logs by a function that Node no longer has since version 23.
util.log = util.log || ((...words) => console.log(...words))

// The repeater sends each packet to a name, and Node looks a name up for each packet. An address is used for keepMs, and while it is looked up again.
// A name that cannot be looked up for a while keeps its address.
const keepMs = 10000
const lookup = dns.lookup
const addresses = new Map()

dns.lookup = (host, options, callback) => {
  const key = JSON.stringify([host, options])
  const known = addresses.get(key)
  const ask = (answer) =>
    lookup(host, options, (error, ...address) => {
      if (!error) addresses.set(key, { address, askAgainAt: Date.now() + keepMs })
      answer(error, ...address)
    })
  if (known === undefined) return ask(callback)
  if (Date.now() >= known.askAgainAt) {
    known.askAgainAt = Date.now() + keepMs
    ask(() => {})
  }
  return process.nextTick(callback, null, ...known.address)
}
