import { defineConfig } from 'vitest/config'
import { guaranteesReporter } from './src/guarantees-reporter.ts'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: '@armature/servers/global-setup',
    passWithNoTests: false,
    reporters: ['default', guaranteesReporter()],
  },
})
