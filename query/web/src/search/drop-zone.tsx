import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../parts/icon.tsx';
import { type Example, exampleAmong } from '../state/examples.ts';
import { useWords } from '../words/words.ts';

const TOLD_MS = 4_000;

/** Takes pictures and sounds that are dropped anywhere on the page, or pasted. */
export function DropZone({ onExample }: { onExample: (example: Example) => void }) {
  const { search } = useWords();
  const [over, setOver] = useState(false);
  const [refused, setRefused] = useState(false);
  const take = useRef(onExample);
  take.current = onExample;

  useEffect(() => {
    // Entering a child leaves its parent: only the count tells whether the pointer is gone.
    let inside = 0;
    const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const enter = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      inside += 1;
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      inside -= 1;
      if (inside <= 0) setOver(false);
    };
    const allow = (event: DragEvent) => {
      if (holdsFiles(event)) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      inside = 0;
      setOver(false);
      const example = exampleAmong(event.dataTransfer?.files ?? []);
      if (example) take.current(example);
      setRefused(example === null);
    };
    const paste = (event: ClipboardEvent) => {
      const example = exampleAmong(event.clipboardData?.files ?? []);
      if (example) take.current(example);
    };
    addEventListener('dragenter', enter);
    addEventListener('dragleave', leave);
    addEventListener('dragover', allow);
    addEventListener('drop', drop);
    addEventListener('paste', paste);
    return () => {
      removeEventListener('dragenter', enter);
      removeEventListener('dragleave', leave);
      removeEventListener('dragover', allow);
      removeEventListener('drop', drop);
      removeEventListener('paste', paste);
    };
  }, []);
  useEffect(() => {
    if (!refused) return;
    const timer = setTimeout(() => setRefused(false), TOLD_MS);
    return () => clearTimeout(timer);
  }, [refused]);

  return (
    <>
      {over && (
        <div class="drop">
          <Icon name="picture" />
          <p>{search.drop}</p>
        </div>
      )}
      <p class={refused ? 'toast' : 'unseen'} role="status">
        {refused ? search.dropUnknown : ''}
      </p>
    </>
  );
}
