import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger };

/** JSON lines on standard error, so that standard output stays free for results. */
export function createLogger(
  options: { level?: string; name?: string; destination?: DestinationStream } = {},
): Logger {
  const { level = 'info', name = 'cinedex' } = options;
  return pino(
    { name, level, base: undefined },
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  );
}
