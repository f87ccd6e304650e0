import type { ApiError } from '../api/client.ts';
import { failureWords } from '../words/naming.ts';
import { useWords } from '../words/words.ts';
import { Icon } from './icon.tsx';

/** What went wrong, what to do about it, and a way to try again. */
export function Failure({ error, onAgain }: { error: ApiError; onAgain: () => void }) {
  const words = useWords();
  const { detail, hint } = failureWords(error, words);
  return (
    <div class="state state-failed" role="alert">
      <Icon name="warn" />
      <h2>{words.failed.title}</h2>
      <p>{detail}</p>
      {hint && <p class="quiet">{hint}</p>}
      <p class="code">{words.failed.code(error.code)}</p>
      {error.code !== 'EXAMPLE_GONE' && (
        <button type="button" class="button button-strong" onClick={onAgain}>
          {words.failed.again}
        </button>
      )}
    </div>
  );
}
