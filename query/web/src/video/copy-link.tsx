import { useState } from 'preact/hooks';
import { Icon } from '../parts/icon.tsx';
import { formatRoute } from '../state/route.ts';
import { useWords } from '../words/words.ts';

export function CopyLink({ video, at }: { video: string; at: number }) {
  const { video: words } = useWords();
  const [done, setDone] = useState<boolean | null>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(
        new URL(formatRoute({ page: 'video', video, at }), location.href).href,
      );
      setDone(true);
    } catch (error) {
      console.info('not copied:', error);
      setDone(false);
    }
  };
  return (
    <p class="copy">
      <button type="button" class="way" onClick={copy} onBlur={() => setDone(null)}>
        <Icon name="link" />
        {words.copy}
      </button>
      <span class="quiet" role="status">
        {done === true && words.copied}
        {done === false && words.notCopied}
      </span>
    </p>
  );
}
