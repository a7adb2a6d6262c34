import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readComposeFile, servicesOf } from './compose-file.js';
import { entrypointOf, environmentOf, readDockerfile, textsOf } from './dockerfile.js';
import { ROOT, TRANSPORTS, run } from './support.js';
import type { Service } from './compose-file.js';

const compose = readComposeFile();
const stages = readDockerfile();
const services = Object.entries(compose.services);
/** Those whose images are built here. */
const ours = services.filter(([, { build }]) => build !== undefined);
const apps = ours.filter(([name]) => !name.startsWith('provision-'));

describe('what the apps are told', () => {
  const helps = new Map<string, string>();

  beforeAll(async () => {
    for (const app of ['demo-server', 'demo-client']) {
      const main = fileURLToPath(import.meta.resolve(`@asyncmcp/${app}/main`));
      helps.set(app, (await run(main, ['--help'], {})).output);
    }
  });

  it.each(apps)('%s: every flag and variable is one of the app', (_name, { build, command = [], environment }) => {
    const target = build?.target ?? '';
    const help = helps.get(target) ?? '';
    const variables = Object.keys({ ...environment, ...environmentOf(stages, target) });
    const unknown = variables.filter((name) => name !== 'NODE_ENV' && !new RegExp(`\\b${name}\\b`).test(help));
    expect(unknown).toEqual([]);
    expect(command.filter((word) => !help.includes(word))).toEqual([]);
  });

  it.each(['sqs', 'sns-sqs'])('%s: what is provisioned is what servers and clients are told', (transport) => {
    const told = compose.services[`provision-${transport}`]?.environment ?? {};
    expect(told['ASYNCMCP_TRANSPORT']).toBe(transport);
    for (const app of ['demo-client', 'scenario']) {
      expect(compose.services[`${app}-${transport}`]?.environment).toMatchObject(told);
    }
    // Whom a server answers, and where, the requests say.
    const { ASYNCMCP_REQUEST_TOPIC_ARN: _in, ASYNCMCP_RESPONSE_TOPIC_ARN: _out, ...toServers } = told;
    expect(compose.services[`demo-server-${transport}`]?.environment).toMatchObject(toServers);
  });

  it('servers of different transports share no queue', () => {
    const queues = ['sqs', 'sns-sqs'].map((name) => told(`demo-server-${name}`, 'ASYNCMCP_REQUEST_QUEUE_URL'));
    expect(new Set(queues).size).toBe(2);
  });

  describe.each(['webhook', 'streamable-webhook'])('over %s', (transport) => {
    const server = `demo-server-${transport}`;

    it.each([`demo-client-${transport}`, `scenario-${transport}`])('%s and the server find each other', (client) => {
      const serverUrl = new URL(told(client, 'ASYNCMCP_SERVER_URL'));
      const { ASYNCMCP_HOST: host, ASYNCMCP_PORT: port } = environmentOf(stages, 'demo-server');
      expect(serverUrl.host).toBe(`${server}:${port ?? ''}`);
      expect(host).toBe('0.0.0.0');
      const webhookUrl = new URL(told(client, 'ASYNCMCP_WEBHOOK_URL'));
      const { ASYNCMCP_WEBHOOK_HOST, ASYNCMCP_WEBHOOK_PORT } = environmentOf(stages, 'demo-client');
      expect(webhookUrl.host).toBe(`${client}:${ASYNCMCP_WEBHOOK_PORT ?? ''}`);
      expect(webhookUrl.pathname).toBe('/webhook/response');
      expect(ASYNCMCP_WEBHOOK_HOST).toBe('0.0.0.0');
      expect(compose.services[client]?.hostname).toBe(client);
      expect(told(server, 'ASYNCMCP_ALLOW_WEBHOOK_HOSTS').split(',')).toContain(client);
    });
  });

  function told(service: string, variable: string): string {
    return compose.services[service]?.environment[variable] ?? '';
  }
});

describe('services', () => {
  it.each(TRANSPORTS)('%s: a server, a scenario, and a client for docker compose run', (profile) => {
    const names = servicesOf(compose, profile).map(([name]) => name);
    const queues = profile.endsWith('sqs') ? ['localstack', `provision-${profile}`] : [];
    expect(new Set(names)).toEqual(
      new Set([...queues, `demo-server-${profile}`, `scenario-${profile}`, `demo-client-${profile}`]),
    );
    expect(compose.services[`demo-server-${profile}`]).toMatchObject({ restart: 'unless-stopped' });
    expect(compose.services[`scenario-${profile}`]).toMatchObject({ restart: 'no', command: ['--scenario'] });
    const atAPrompt = { restart: 'no', scale: 0, tty: true, stdin_open: true };
    expect(compose.services[`demo-client-${profile}`]).toMatchObject(atAPrompt);
    expect(compose.services[`demo-client-${profile}`]).not.toHaveProperty('command');
  });

  it.each(ours)('%s may do nothing that it need not', (name, service) => {
    expect(service).toMatchObject({ init: true, read_only: true, cap_drop: ['ALL'] });
    expect(service.security_opt).toEqual(['no-new-privileges:true']);
    const mounted = (service.volumes ?? []).map((volume) => volume.split(':')[0] ?? '');
    expect(mounted).toEqual(name.startsWith('demo-client-') ? ['history'] : []);
    expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(mounted));
  });

  it.each(services)('%s is published on loopback only, on no privileged port', (_name, { ports = [] }) => {
    for (const port of ports) {
      const { host, from, to } = /^(?<host>.*):(?<from>\d+):(?<to>\d+)$/.exec(port)?.groups ?? {};
      expect(host).toBe('127.0.0.1');
      expect(Math.min(Number(from), Number(to))).toBeGreaterThanOrEqual(1024);
    }
  });

  it('no two are published on the same port', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? []).map((port) => port.split(':')[1]);
    expect(new Set(ports).size).toBe(ports.length);
  });

  it.each(apps.filter(([name]) => name.startsWith('demo-server-')))('%s has the time to stop', (_name, service) => {
    // The default of drainTimeoutMs, which the demo server does not change, and what queues may take after it.
    expect(Number(/^(\d+)s$/.exec(service.stop_grace_period ?? '')?.[1])).toBeGreaterThan(60);
  });

  it.each(services)('%s waits for what is there, and can come to what it is waited for', (_name, service) => {
    const others = Object.entries(service.depends_on ?? {}).map(([name, { condition }]) => ({
      condition,
      ...compose.services[name],
    }));
    for (const { condition, ...other } of others) {
      expect(other.profiles).toEqual(expect.arrayContaining([...service.profiles]));
      expect(comesTo(other)).toContain(condition);
    }
  });

  /** What a service can come to that others wait for. */
  function comesTo({ image, build, healthcheck, restart }: Partial<Service>): readonly string[] {
    const inImage = textsOf(stages, build?.target ?? '', 'HEALTHCHECK').at(-1) ?? 'NONE';
    const hasCheck = healthcheck?.disable !== true && (healthcheck !== undefined || inImage !== 'NONE');
    const ends = image === undefined && restart === 'no';
    return [
      'service_started',
      ...(hasCheck ? ['service_healthy'] : []),
      ...(ends ? ['service_completed_successfully'] : []),
    ];
  }

  it('only pinned images of others', () => {
    const images = services.flatMap(([, { image }]) => image ?? []);
    expect(images).toEqual([expect.stringMatching(/^localstack\/localstack:\d+\.\d+\.\d+$/)]);
  });
});

describe('images', () => {
  const targets = [...new Set(ours.map(([, { build }]) => build?.target ?? ''))];

  it('are built from what is there', () => {
    for (const [, { build }] of ours) {
      expect(build).toMatchObject({ context: '..', dockerfile: 'docker/Dockerfile' });
      expect([...stages.keys()]).toContain(build?.target);
    }
    const bases = [...stages.values()].map(({ from }) => from).filter((from) => !stages.has(from));
    expect([...new Set(bases)]).toEqual(['node:${NODE_VERSION}-bookworm-slim']);
    const copied = textsOf(stages, 'workspace', 'COPY').flatMap((text) => text.split(' ').slice(0, -1));
    expect(copied.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('build packages that are there', () => {
    const text = readFileSync(new URL('../Dockerfile', import.meta.url), 'utf8');
    const filtered = [...text.matchAll(/--filter '?(@asyncmcp\/[\w-]+)/g)].map(([, name]) => name);
    const apps = readdirSync(join(ROOT, 'apps'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const folders = ['docker', ...apps.map(({ name }) => `apps/${name}`)];
    const manifests = folders.map((folder) => readFileSync(join(ROOT, folder, 'package.json'), 'utf8'));
    const names = manifests.map((manifest) => (JSON.parse(manifest) as { name: string }).name);
    expect(names).toEqual(expect.arrayContaining(filtered));
    expect(filtered.length).toBe(6);
  });

  it.each(targets)('%s runs node on a file that is there, and not as root', (target) => {
    const [command, file = ''] = entrypointOf(stages, target);
    const folder = target === 'provision' ? 'docker' : `apps/${target}`;
    expect(command).toBe('node');
    expect(existsSync(join(ROOT, folder, file))).toBe(true);
    expect(textsOf(stages, target, 'USER').at(-1)).toBe('1000:1000');
    expect(environmentOf(stages, target)).toMatchObject({ NODE_ENV: 'production' });
    const labels = textsOf(stages, target, 'LABEL').join(' ');
    for (const label of ['title', 'description', 'source', 'licenses']) {
      expect(labels).toContain(`org.opencontainers.image.${label}="`);
    }
  });

  it.each(targets)('%s: what it copies from other stages is made there', (target) => {
    const missing = textsOf(stages, target, 'COPY').filter((text) => {
      const { stage = '', path = '' } = /^--from=(?<stage>\S+) (?<path>\S+) \S+$/.exec(text)?.groups ?? {};
      if (stage === 'workspace') return !existsSync(join(ROOT, path.replace(/^\/workspace\//, '')));
      const made = textsOf(stages, stage, 'RUN').at(-1) ?? '';
      return !path.startsWith('/deployed/') || !/^pnpm .* --prod --offline deploy \/deployed$/.test(made);
    });
    expect(missing).toEqual([]);
  });

  it('leave out what is made again, and what nobody else is to see', () => {
    const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['**/node_modules', '**/dist', '**/.env', '**/.env.*', '.git']));
  });
});

describe('README', () => {
  const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

  it('names services that are there', () => {
    const named =
      text.match(/\b(?:demo-server|demo-client|scenario|provision)-(?:sqs|sns|webhook|streamable)[\w-]*/g) ?? [];
    expect(named.filter((name) => !(name in compose.services) && !name.endsWith('-requests'))).toEqual([]);
    expect(named.length).toBeGreaterThan(4);
  });

  it('names variables that are there', () => {
    const files = ['compose.yaml', 'Dockerfile'].map((name) =>
      readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'),
    );
    const named = text.match(/\b(?!ERR_)[A-Z]+_[A-Z_]+\b/g) ?? [];
    expect(named.filter((name) => !files.some((file) => file.includes(name)))).toEqual([]);
  });
});
