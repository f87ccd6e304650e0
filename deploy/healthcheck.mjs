// Whether a probe of ours says yes: exit code 0 or 1, and the reasons on standard output, where `docker inspect` shows them.
const address = process.argv[2];
if (!address) {
  console.log('usage: healthcheck.mjs http://127.0.0.1:PORT/livez');
  process.exit(2);
}
try {
  const answer = await fetch(address, { signal: AbortSignal.timeout(4_000) });
  console.log(answer.status, await answer.text());
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  console.log(String(error?.cause ?? error));
  process.exitCode = 1;
}
