/** The way to mend a failed `npm ci`, by the output of npm. */
export declare const fixOfNpm: (output: string) => string
/** Why these versions cannot install the workspace, or undefined. */
export declare const versionProblem: (node: string, npm: string | undefined) => string | undefined
