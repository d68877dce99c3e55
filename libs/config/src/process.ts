/** The environment as settings see it. */
export type Env = Readonly<Record<string, string | undefined>>

/** What this process was started with. Nothing else in the workspace reads `process.env` or `process.argv`. */
export const processInput = (): { readonly argv: readonly string[]; readonly env: Env } => ({
  argv: process.argv.slice(2),
  env: process.env,
})
