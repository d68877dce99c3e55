/** What to do about a failed `npm ci`, by what npm wrote. */
export declare const fixOfNpm: (output: string) => string
/** Why these versions cannot install the workspace, or undefined. */
export declare const versionProblem: (node: string, npm: string | undefined) => string | undefined
