import { serversCommand } from './command.ts'

// npm run servers -- up | status | logs | down
process.exit(await serversCommand(process.argv.slice(2)))
