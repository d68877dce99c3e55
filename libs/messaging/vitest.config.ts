import { defineConfig } from 'vitest/config'
import { guaranteesReporter } from './test/guarantees-reporter.ts'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    passWithNoTests: false,
    reporters: ['default', guaranteesReporter()],
  },
})
