import type { Answer } from '../api/types.ts';
import { Icon } from '../parts/icon.tsx';
import { channelName } from '../words/naming.ts';
import { useWords } from '../words/words.ts';

/** What must be known of an answer: that it is partial, and what the models behind it cannot do. */
export function Notices({ answer: { partial, caveats } }: { answer: Answer }) {
  const words = useWords();
  const { notices } = words;
  const missing = partial?.missing.map((channel) => channelName(channel, words).name) ?? [];
  return (
    <>
      {partial && (
        <div class="notice notice-warn">
          <Icon name="warn" />
          <p>
            <strong>{notices.partial}</strong>{' '}
            {partial.reason === 'deadline' ? notices.deadline : partial.reason}{' '}
            {missing.length > 0 && notices.missing([...new Set(missing)].join(words.comma))}
          </p>
        </div>
      )}
      {caveats.map(({ code, message }) => (
        <div key={code} class="notice">
          <Icon name="note" />
          <p>
            <strong>{notices.note}</strong> {words.caveats[code] ?? <span lang="en">{message}</span>}
          </p>
        </div>
      ))}
    </>
  );
}
