import { describe, expect, test } from 'vitest'
import { type Piece, SplitError, splitJson, splitLines } from './json-splitter.ts'

async function* inChunks(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const piecesOf = async (split: typeof splitJson, text: string, { size = 7, maxBytes = 1_000 } = {}) => {
  const pieces: Piece[] = []
  for await (const piece of split(inChunks(text, size), maxBytes)) pieces.push(piece)
  return pieces
}
const features = async (text: string, options?: { size?: number; maxBytes?: number }) =>
  (await piecesOf(splitJson, text, options)).filter(({ of }) => of === 'features').map((piece) => piece.text)

describe('a document', () => {
  const collection = `{
  "type": "FeatureCollection", "name": "features",
  "features": [
    {"a": "}]\\"", "b": [1, {"c": "Ünï \\\\"}]},
    {"a": 2}
  , 3, "four", null,[5]
  ],
  "crs": {"features": [9]}
}`

  test.each([1, 2, 3, 7, 1_000])(
    'is cut into its features, in chunks of %i bytes, each with its line',
    async (size) => {
      const pieces = await piecesOf(splitJson, collection, { size })
      expect(pieces.map(({ line, of, text }) => [line, of, text?.trim()])).toEqual([
        [4, 'features', '{"a": "}]\\"", "b": [1, {"c": "Ünï \\\\"}]}'],
        [5, 'features', '{"a": 2}'],
        [6, 'features', '3'],
        [6, 'features', '"four"'],
        [6, 'features', 'null'],
        [6, 'features', '[5]'],
        [1, 'document', expect.any(String)],
      ])
      expect(JSON.parse(pieces.at(-1)?.text ?? '')).toEqual({
        type: 'FeatureCollection',
        name: 'features',
        features: [],
        crs: { features: [9] },
      })
    },
  )

  test('may be one of several, with what may stand between them', async () => {
    const pieces = await piecesOf(splitJson, '\ufeff{"a":1}\n\n\u001e{"b":"x"}{"features":[]}\n')
    expect(pieces.map(({ line, text }) => [line, text])).toEqual([
      [1, '{"a":1}'],
      [3, '{"b":"x"}'],
      [3, '{"features":[]}'],
    ])
  })

  test('without features, or of none, has none', async () => {
    expect(await features('{"type":"FeatureCollection","features":[ ]}')).toEqual([])
    expect(await features('{"type":"FeatureCollection"}')).toEqual([])
    expect(await features('')).toEqual([])
  })

  test('with a feature that is too large is cut all the same', async () => {
    const text = `{"features":[{"a":1},{"a":"${'x'.repeat(100)}"},{"a":2}]}`
    expect(await features(text, { maxBytes: 50 })).toEqual(['{"a":1}', undefined, '{"a":2}'])
    expect(
      (await piecesOf(splitJson, `{"a":"${'x'.repeat(100)}"}{}`, { maxBytes: 50 })).map((one) => one.text),
    ).toEqual([undefined, '{}'])
  })

  test('with a string that does not end goes on at the next line', async () => {
    expect(await features('{"features":[{"a":"b},\n{"a":1}},\n{"a":2}]}')).toEqual(['{"a":"b},\n{"a":1}}', '{"a":2}'])
  })

  test.each([
    ['{"features":[{"a":1},\n{"a":', 'line 1: the file ends'],
    ['\n{"a":1}\n{"features":[', 'line 3: the file ends'],
    ['[1]', 'line 1: there is no object'],
    ['\n\n{} x', 'line 3: there is no object'],
  ])('that cannot be cut says where: %j', async (text, message) => {
    const cut = features(text)
    await expect(cut).rejects.toThrow(SplitError)
    await expect(cut).rejects.toThrow(message)
  })
})

test.each([1, 3, 1_000])('lines are pieces, whatever is in them, in chunks of %i bytes', async (size) => {
  const text = '\ufeff{"a":1}\r\n\n  {"b":\n{"c":"ü"}\nlast'
  const pieces = await piecesOf(splitLines, text, { size })
  expect(pieces.map(({ line, text: of }) => [line, of?.trim()])).toEqual([
    [1, '{"a":1}'],
    [3, '{"b":'],
    [4, '{"c":"ü"}'],
    [5, 'last'],
  ])
  expect((await piecesOf(splitLines, 'x'.repeat(9), { size, maxBytes: 8 }))[0]?.text).toBeUndefined()
})
