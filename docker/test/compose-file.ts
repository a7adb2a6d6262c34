import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** A service of compose.yaml, as far as it matters here. */
export interface Service {
  readonly profiles: readonly string[];
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string; readonly target: string };
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly hostname?: string;
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly disable?: boolean };
  readonly restart: string;
  readonly stop_grace_period?: string;
  readonly init?: boolean;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly volumes?: readonly string[];
  readonly scale?: number;
  readonly tty?: boolean;
  readonly stdin_open?: boolean;
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

export const COMPOSE_FILE = new URL('../compose.yaml', import.meta.url);

/** What `docker compose` makes of the file for somebody who has set no variables. */
export function readComposeFile(): ComposeFile {
  return parse(withDefaults(readFileSync(COMPOSE_FILE, 'utf8')), { merge: true }) as ComposeFile;
}

/** `${NAME:-default}`, which is the only form that is used. */
function withDefaults(text: string): string {
  const plain = text.replaceAll(/\$\{[A-Z_]+:-([^}]*)\}/g, '$1');
  if (plain.includes('$')) throw new Error('compose.yaml has a variable without a default.');
  return plain;
}

/** The services of a profile, by name. */
export function servicesOf({ services }: ComposeFile, profile: string): readonly (readonly [string, Service])[] {
  return Object.entries(services).filter(([, { profiles }]) => profiles.includes(profile));
}
