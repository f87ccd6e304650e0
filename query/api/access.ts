/**
 * Who may do what: the one place that turns a request into a caller, and refuses it where it may not be. Every route says
 * which scope it takes (`config.scope`); one that says nothing takes `admin`, so nothing is open by oversight.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CinedexError, toCinedexError } from '../../shared/contracts/errors.ts';
import { cookieOf, isLoopback, refuseOtherSites, refuseStrangeNames } from '../../shared/http/asking.ts';
import type { KeyRecord, KeyRing, Scope } from './keys.ts';
import { SCOPES } from './keys.ts';
import { COOKIE, type Sessions } from './sessions.ts';

export interface Caller {
  tenant: string;
  scopes: ReadonlySet<Scope>;
  /** Null: nobody has to have a key. */
  key: string | null;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null on public routes. */
    caller: Caller | null;
  }
  interface FastifyContextConfig {
    /** `any`: any key. `public`: none is needed. */
    scope?: Scope | 'any' | 'public';
    /** Pictures and media, of which a page shows many, count in a wider limit. */
    light?: boolean;
  }
}

export interface AccessOptions {
  ring: KeyRing;
  sessions: Sessions;
  /** Whose videos an open server shows. */
  tenant: string;
  host: string;
  /** Counts a request of a key, or of an address where there is none. @throws CinedexError TOO_MANY_REQUESTS */
  count: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
}

/** Routes that bring no word of their own: for whoever supervises the process, and the pages of the description. */
const PUBLIC = /^\/(livez|readyz|docs|docs\/.*)$/;
const SAFE = ['GET', 'HEAD', 'OPTIONS'];

/** @throws CinedexError CONFIG_INVALID when others could reach the server and nobody would ask who they are */
export async function refuseOpenDoors(ring: KeyRing, host: string): Promise<void> {
  if (!(await ring.isAbsent()) || isLoopback(host)) return;
  throw new CinedexError(
    'CONFIG_INVALID',
    `CINEDEX_QUERY_HOST="${host}" can be reached from elsewhere and there are no API keys: make one with \`cinedex keys create\`.`,
  );
}

/** The caller of a route that is not public. */
export function callerOf({ caller }: FastifyRequest): Caller {
  if (!caller) throw new CinedexError('UNAUTHORIZED', 'Nobody is signed in.');
  return caller;
}

export interface Access {
  /** Checks a key that somebody signs in with. @throws CinedexError UNAUTHORIZED */
  enter(request: FastifyRequest, key: string): Promise<KeyRecord>;
}

export function guard(server: FastifyInstance, options: AccessOptions): Access {
  const { ring, sessions, tenant, host, count } = options;

  // Wrong keys are not counted by themselves: nobody guesses 256 bits, and whoever shares an address would be shut out.
  async function known(key: string): Promise<KeyRecord> {
    const record = await ring.find(key).catch(unreadable);
    if (record) return record;
    throw new CinedexError('UNAUTHORIZED', 'This key is not known, or it was revoked.');
  }

  async function identify(request: FastifyRequest): Promise<Caller> {
    const { headers, method } = request;
    const isOpen = isLoopback(host) && (await ring.isAbsent().catch(unreadable));
    if (isOpen) {
      refuseStrangeNames(headers);
      if (!SAFE.includes(method)) refuseOtherSites(headers);
      return { tenant, scopes: new Set(SCOPES), key: null };
    }
    const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
    if (bearer !== undefined) return callerWith(await known(bearer));
    const session = cookieOf(headers.cookie, COOKIE);
    if (session === undefined) throw new CinedexError('UNAUTHORIZED', 'No key was sent.');
    if (!SAFE.includes(method)) refuseOtherSites(headers);
    const id = sessions.read(session);
    const record = id === null ? null : await ring.byId(id).catch(unreadable);
    if (!record) throw new CinedexError('UNAUTHORIZED', 'The session has ended.');
    return callerWith(record);
  }

  server.decorateRequest('caller', null);
  server.addHook('onRoute', (route) => {
    if (PUBLIC.test(route.url)) route.config = { ...route.config, scope: 'public' };
  });
  server.addHook('onRequest', async (request, reply) => {
    const { scope = 'admin' } = request.routeOptions.config;
    if (request.is404 || scope === 'public') return count(request, reply);
    request.caller = await identify(request).catch(async (error: unknown) => {
      await count(request, reply);
      throw error;
    });
    await count(request, reply);
    const { scopes } = request.caller;
    if (scope !== 'any' && !scopes.has(scope)) {
      throw new CinedexError('FORBIDDEN', `This takes a key with the scope "${scope}".`);
    }
    keepTenant(request.caller, request.query);
  });
  server.addHook('preValidation', async ({ caller, body }) => {
    if (caller) keepTenant(caller, body);
  });
  server.addHook('onSend', async (_, reply) => {
    if (reply.statusCode === 401) reply.header('www-authenticate', 'Bearer realm="cinedex"');
  });

  return {
    enter: async (request, key) => {
      refuseOtherSites(request.headers);
      return known(key);
    },
  };
}

function callerWith({ tenant, scopes, id }: KeyRecord): Caller {
  return { tenant, scopes: new Set(scopes.includes('admin') ? SCOPES : scopes), key: id };
}

/** The tenant is the key's. A request may name it, but no other. @throws CinedexError FORBIDDEN */
export function keepTenant(caller: Caller, given: unknown): void {
  if (given === null || typeof given !== 'object' || Array.isArray(given) || !('tenant' in given)) return;
  if (given.tenant !== undefined && given.tenant !== caller.tenant) {
    throw new CinedexError('FORBIDDEN', 'This key is for another tenant.');
  }
  delete given.tenant;
}

/** A file of keys that cannot be read lets nobody in; whoever asks is told to come again. */
function unreadable(error: unknown): never {
  const { message } = toCinedexError(error);
  throw new CinedexError('STORE_UNAVAILABLE', 'The API keys cannot be read at the moment.', {
    cause: new Error(message, { cause: error }),
  });
}
