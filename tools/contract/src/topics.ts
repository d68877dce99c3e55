/** Whether some topic fits both patterns (checked; `*` stands for one token, a last `>` for one or more). */
export const overlap = (one: string, other: string): boolean => {
  const [a, b] = [one.split('.'), other.split('.')]
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const [token, wanted] = [a[index], b[index]]
    if (token === undefined || wanted === undefined) return false
    if (token === '>' || wanted === '>') return true
    if (token !== '*' && wanted !== '*' && token !== wanted) return false
  }
  return true
}
