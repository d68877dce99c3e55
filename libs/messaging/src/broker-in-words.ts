/** Whether the broker of this URL reaches this process only. */
export const isInProcess = (url: string): boolean => /^memory:/i.test(url)

/** The broker of this URL in the words of a service that says what it waits for. Holds nothing of the URL but `memory:`. */
export const brokerInWords = (url: string): string =>
  isInProcess(url) ? 'memory:, in this process only' : 'the broker'
