/** One contender of a comparison. `run` does a fixed job once and resolves to its rate in operations a second. */
export interface Contender {
  readonly name: string
  run(): Promise<number>
}

export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

export interface Result {
  readonly name: string
  readonly opsPerSecond: Spread
  /** The first contender's rate over this one's, round by round; undefined for the first itself. */
  readonly firstOverThis: Spread | undefined
}

/** Runs the contenders in turn, A B C A B C ..., after one round that is not counted: a drift of the machine hits all alike. */
export const compare = async (contenders: readonly Contender[], rounds = 7): Promise<readonly Result[]> => {
  const rates = contenders.map((): number[] => [])
  for (let round = 0; round <= rounds; round += 1)
    for (const [index, contender] of contenders.entries()) {
      const rate = await contender.run()
      if (round > 0) rates[index]?.push(rate)
    }
  const first = rates[0] ?? []
  return contenders.map(({ name }, index) => {
    const own = rates[index] ?? []
    const ratios = own.map((rate, round) => (first[round] ?? NaN) / rate)
    return { name, opsPerSecond: spreadOf(own), firstOverThis: index === 0 ? undefined : spreadOf(ratios) }
  })
}

export const spreadOf = (values: readonly number[]): Spread => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (position: number) => sorted[position] ?? NaN
  const middle = Math.floor(sorted.length / 2)
  const median = sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2
  return { min: at(0), median, max: at(sorted.length - 1) }
}

/** A table in Markdown: rates in thousands a second, ratios of the first contender's rate over each other one's. */
export const table = (title: string, results: readonly Result[]): string => {
  const first = results[0]?.name ?? ''
  const rows = results.map(({ name, opsPerSecond, firstOverThis }) => {
    const ratio = firstOverThis === undefined ? '' : written(firstOverThis, 2)
    return `| ${name} | ${written(opsPerSecond, 1, 1_000)} | ${ratio} |`
  })
  return [
    `### ${title}`,
    '',
    `| | thousand a second: median (min to max) | ${first} / this: median (min to max) |`,
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

/** `MEDIAN (MIN to MAX)`, with so many decimals, in units of `unit`. */
export const written = ({ min, median, max }: Spread, digits: number, unit = 1): string => {
  const text = (value: number) => (value / unit).toFixed(digits)
  return `${text(median)} (${text(min)} to ${text(max)})`
}

/** The rate of `operations` done by `work`. */
export const timed = async (operations: number, work: () => Promise<void>): Promise<number> => {
  const startMs = performance.now()
  await work()
  return operations / ((performance.now() - startMs) / 1000)
}
