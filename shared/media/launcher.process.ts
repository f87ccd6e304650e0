/**
 * Starts children for the process that started this one, and ends with it. `launcher.ts` says why, and is
 * the other side.
 *
 * Everything comes by one socket, in its arguments. A connection says what it is for in its first line, as JSON: an output
 * of a child (`OutputLine`), or a child (`ChildLine`), on which how it went is told (`ReportLine`s) and whose end by the
 * other side ends the child. Outputs are handed to the child itself: what it writes does not pass through here.
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import net, { type Socket } from 'node:net';
import path from 'node:path';
import { killGroup } from './child.ts';
import type { ChildLine, OutputLine, ReportLine } from './launcher.ts';

/** What has come for a child that was not started yet. */
interface Gathering {
  wanted?: ChildLine;
  control?: Socket;
  outputs: Map<number, Socket>;
  /** Its connections are made at once; after this something is missing for ever. */
  expiry: NodeJS.Timeout;
}
const gatherings = new Map<string, Gathering>();
const EXPIRY_MS = 60_000;

const address = process.argv[2]!;
const server = net.createServer({ allowHalfOpen: true }, (socket) => {
  // Whoever was at the other end is gone; that it is, is told by `close` as well.
  socket.on('error', () => undefined);
  let heard = '';
  const hear = (chunk: string) => {
    heard += chunk;
    const end = heard.indexOf('\n');
    if (end < 0) return;
    socket.off('data', hear);
    take(JSON.parse(heard.slice(0, end)) as ChildLine | OutputLine, socket);
  };
  socket.setEncoding('utf8').on('data', hear);
});
server.listen(address, () => process.stdout.write('ready\n'));

// Children that are left are ended by the system, or find their outputs closed.
process.stdin.resume().on('close', () => {
  rmSync(path.dirname(address), { recursive: true, force: true });
  process.exit();
});

function take(line: ChildLine | OutputLine, socket: Socket): void {
  const gathering = gatherings.get(line.child) ?? gather(line.child);
  if ('fd' in line) {
    gathering.outputs.set(line.fd, socket.pause());
  } else {
    gathering.wanted = line;
    // Read to its end, which ends the child.
    gathering.control = socket.resume();
  }
  const { wanted, control, outputs, expiry } = gathering;
  if (!wanted || !control || outputs.size < wanted.fds.length) return;
  clearTimeout(expiry);
  gatherings.delete(line.child);
  start(wanted, control, outputs);
}

function gather(child: string): Gathering {
  const outputs = new Map<number, Socket>();
  const expiry = setTimeout(() => {
    gatherings.delete(child);
    gathering.control?.destroy();
    for (const output of outputs.values()) output.destroy();
  }, EXPIRY_MS);
  const gathering: Gathering = { outputs, expiry };
  gatherings.set(child, gathering);
  return gathering;
}

function start({ command, args, env, fds }: ChildLine, control: Socket, outputs: Map<number, Socket>): void {
  const report = (line: ReportLine): void => {
    control.end(`${JSON.stringify(line)}\n`);
  };
  try {
    if (control.readableEnded) {
      report({ code: null, signal: 'SIGKILL' });
      return;
    }
    for (const output of outputs.values()) setBlocking(output);
    const child = spawn(command, args, {
      stdio: Array.from({ length: Math.max(...fds) + 1 }, (_, fd) => outputs.get(fd) ?? 'ignore'),
      env,
      // A group of its own, so that it can be ended together with anything it starts.
      detached: true,
    });
    child.once('error', ({ message }) => report({ error: message }));
    child.once('exit', (code, signal) => report({ code, signal }));
    control.once('end', () => killGroup(child)).once('close', () => killGroup(child));
  } catch (error) {
    report({ error: String(error) });
  } finally {
    // The child has its own.
    for (const output of outputs.values()) output.destroy();
  }
}

/** Children wait for a slow reader; a socket as Node opens it would have them ask again and again. */
function setBlocking(socket: Socket): void {
  const { _handle: handle } = socket as Socket & { _handle?: { setBlocking?(blocking: boolean): number } };
  handle?.setBlocking?.(true);
}
