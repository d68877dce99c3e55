const factors: Readonly<Record<string, number>> = {
  ...{ n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 },
}

/** The number of a quantity of Kubernetes: cores of `250m`, bytes of `64Mi`. NaN for what is none. */
export const quantityOf = (text: string | number | undefined): number => {
  if (text === undefined) return 0
  const [, number, unit = ''] = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([a-zA-Z]{0,2})$/.exec(String(text)) ?? []
  return Number(number) * (factors[unit] ?? Number.NaN)
}

/** In the units of the resource: `1.5 GiB`, or `2.25`. */
export const showQuantity = (resource: string, amount: number): string =>
  /memory|storage/.test(resource) ? `${round(amount / 2 ** 30)} GiB` : String(round(amount))

const round = (amount: number): number => Math.round(amount * 100) / 100
