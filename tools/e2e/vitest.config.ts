import { defineConfig } from 'vitest/config'

// What needs no cluster; `npm run e2e` runs the rest by cluster.config.ts.
export default defineConfig({ test: { include: ['src/**/*.test.ts'], passWithNoTests: false } })
