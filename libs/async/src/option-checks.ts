/** The value. Throws RangeError naming the option unless it is a whole number from `least` on. */
export const wholeOption = (name: string, value: number, least: number): number => {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new RangeError(`${name} is ${value}: give a whole number, ${least} or more`)
}

/** The value. Throws RangeError naming the option unless it is a finite number from `least` to `most`. */
export const numberOption = (name: string, value: number, least: number, most = Number.MAX_VALUE): number => {
  if (Number.isFinite(value) && value >= least && value <= most) return value
  const range = most === Number.MAX_VALUE ? `${least} or more` : `${least} to ${most}`
  throw new RangeError(`${name} is ${value}: give a finite number, ${range}`)
}
