import fc from 'fast-check'
import { anyText, eventHeaders, headerText } from './testing-fuzz-inputs.ts'

const memberName = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('data', 'data_base64', 'datacontenttype', 'time', 'partitionkey', 'id', 'armaturekey'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('armaturetombstone', 'armatureheaders', '__proto__', 'constructor', 'specversion'),
  },
  { weight: 1, arbitrary: anyText },
)

const memberValue = fc.oneof(
  { weight: 2, arbitrary: headerText },
  { weight: 2, arbitrary: fc.json({ maxDepth: 3 }).map((text): unknown => JSON.parse(text)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(true, null, 1e300, 2 ** 31, -1, {}, [], '{"a":"b"}', '{"A\\ud800":"\\ud800"}', 'AA=='),
  },
)

const asciiJson = (value: unknown) => Buffer.from(JSON.stringify(value))

const event = fc
  .tuple(fc.array(fc.tuple(memberName, memberValue), { maxLength: 5 }), fc.integer({ min: 0, max: 31 }))
  .map(([more, left]) => {
    const core = eventHeaders('').filter((_, at) => at === left || left > 4)
    return asciiJson(Object.fromEntries([...core, ...more]))
  })

const nested = fc.constantFrom(1_000, 20_000).map((depth) => {
  const core = JSON.stringify(Object.fromEntries(eventHeaders(''))).slice(0, -1)
  return Buffer.from(`${core},"data":${'['.repeat(depth)}${']'.repeat(depth)}}`)
})

/** A CloudEvent in JSON with some faults, or cut off, or any JSON; seldom nested deeply, which takes as long as hundreds of others. */
export const eventJson: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 200, arbitrary: event },
  { weight: 40, arbitrary: fc.tuple(event, fc.nat(80)).map(([json, length]) => json.subarray(0, length)) },
  { weight: 40, arbitrary: fc.json({ maxDepth: 3 }).map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: nested },
)
