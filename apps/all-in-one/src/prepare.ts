/** Run at set-up: loads the world into the template that `npm start` opens. */
import { prepareTemplate } from '@armature/database/template'
import { worldTemplate } from './world.ts'

await prepareTemplate(worldTemplate)
