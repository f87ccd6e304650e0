/** Full garbage collections in every thread of this process, so that what is left resident is in use. */
import inspector from 'node:inspector/promises';

interface Attached {
  sessionId: string;
}

/** Collects in the main thread and in every worker thread, one after the other. */
export async function collectEverywhere(): Promise<void> {
  const session = new inspector.Session();
  session.connect();
  const workers: string[] = [];
  const answers = new Map<number, () => void>();
  session.on('NodeWorker.attachedToWorker', ({ params }: { params: Attached }) =>
    workers.push(params.sessionId),
  );
  session.on('NodeWorker.receivedMessageFromWorker', ({ params }: { params: { message: string } }) => {
    answers.get((JSON.parse(params.message) as { id: number }).id)?.();
  });
  await session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  await session.post('HeapProfiler.collectGarbage');
  for (const [id, sessionId] of workers.entries()) {
    const answered = new Promise<void>((resolve) => answers.set(id, resolve));
    const message = JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' });
    await session.post('NodeWorker.sendMessageToWorker', { sessionId, message });
    await answered;
  }
  await session.post('NodeWorker.disable');
  session.disconnect();
}
