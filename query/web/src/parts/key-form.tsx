import { useState } from 'preact/hooks';
import { type ApiError, signIn } from '../api/client.ts';
import { asApiError } from '../state/use-search.ts';
import { failureWords } from '../words/naming.ts';
import { useWords } from '../words/words.ts';

export function KeyForm({ onSignedIn }: { onSignedIn: () => void }) {
  const words = useWords();
  const [key, setKey] = useState('');
  const [error, setError] = useState<ApiError | null>(null);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    try {
      await signIn(key.trim());
      onSignedIn();
    } catch (thrown) {
      setError(asApiError(thrown));
    }
  };
  const wrong = error && (error.status === 401 ? words.key.wrong : failureWords(error, words).detail);
  return (
    <form class="key-form panel" onSubmit={submit}>
      <h1>{words.key.title}</h1>
      <p>{words.key.text}</p>
      <label for="key">{words.key.label}</label>
      <input
        id="key"
        class="field"
        type="password"
        autocomplete="current-password"
        required
        value={key}
        aria-invalid={error !== null}
        aria-describedby="key-error"
        onInput={(event) => setKey(event.currentTarget.value)}
      />
      <p id="key-error" class="key-error" role="alert">
        {wrong}
      </p>
      <button type="submit" class="button button-strong">
        {words.key.submit}
      </button>
    </form>
  );
}
