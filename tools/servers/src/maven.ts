import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { aptInstall } from './apt.ts'
import { kept } from './cache.ts'
import { type Environment, execute, onPath } from './execute.ts'
import { oneLine, say } from './progress.ts'

const copyDependencies = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
const deadlineMs = 900_000

/**
 * A folder of the jars of these `group:artifact:version` coordinates with all they need at run time, resolved by Maven and
 * kept by name and versions. Rejects with one line that says what to install.
 */
export const mavenJars = async (
  coordinates: readonly string[],
  name: string,
  env: Environment = process.env,
): Promise<string> => {
  const versions = coordinates.map((coordinate) => coordinate.split(':')[2])
  const folder = `jars-${name}-${versions.join('-')}`
  return kept(folder, { deadlineMs, env, say }, async (draft) => {
    const maven = await program('mvn', 'maven', `install Maven and put mvn on PATH`, env)
    say(`${folder}: mvn copy-dependencies of ${coordinates.join(', ')} into the cache folder`)
    const pom = join(draft, 'pom.xml')
    await writeFile(pom, project(coordinates))
    await execute(
      maven,
      ['--batch-mode', '-q', '-f', pom, copyDependencies, `-DoutputDirectory=${draft}`, '-DincludeScope=runtime'],
      { deadlineMs, env },
    ).catch(oneLine(`Maven could not fetch ${coordinates.join(', ')}: give mvn access to its repository`))
    const jars = (await readdir(draft)).filter((file) => file.endsWith('.jar'))
    if (jars.length === 0) throw new Error(`Maven fetched no jar of ${coordinates.join(', ')}`)
    say(`${folder}: ${jars.length} jars`)
  })
}

/** The path of a Java runtime, 17 or newer where apt-get installs it. */
export const java = (env: Environment = process.env): Promise<string> =>
  program('java', 'openjdk-17-jre-headless', 'install Java 17 or newer and put java on PATH', env)

/** The path of a Java compiler. */
export const javac = (env: Environment = process.env): Promise<string> =>
  program('javac', 'openjdk-17-jdk-headless', 'install a Java development kit, 17 or newer, and put javac on PATH', env)

const program = async (name: string, debianPackage: string, remedy: string, env: Environment): Promise<string> => {
  const found = await onPath([name], env)
  if (found !== undefined) return found
  // Debian's Java wants to link its manual pages, into a folder that small images lack.
  await mkdir('/usr/share/man/man1', { recursive: true }).catch(() => undefined)
  await aptInstall(debianPackage, remedy, env)
  const installed = await onPath([name], env)
  if (installed === undefined) throw new Error(`${name} was installed, but PATH does not have it: add /usr/bin to PATH`)
  return installed
}

const project = (coordinates: readonly string[]): string => `<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>armature</groupId><artifactId>jars</artifactId><version>1</version>
<dependencies>
${coordinates.map(dependency).join('\n')}
</dependencies>
</project>
`

const dependency = (coordinate: string): string => {
  const [group, artifact, version] = coordinate.split(':')
  return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`
}
