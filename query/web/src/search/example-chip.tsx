import { useEffect, useRef } from 'preact/hooks';
import { Icon } from '../parts/icon.tsx';
import type { Example } from '../state/examples.ts';
import { useWords } from '../words/words.ts';

interface ExampleChipProps {
  /** Null: a moment of the index, or a file that is gone. */
  example: Example | null;
  onChange: (example: Example) => void;
}

const SIZE = 160;

/** What is searched by, where it is no text. */
export function ExampleChip({ example, onChange }: ExampleChipProps) {
  const words = useWords();
  const canvas = useRef<HTMLCanvasElement>(null);
  const picture = example && example.kind !== 'audio' ? example.file : null;

  useEffect(() => {
    if (!picture) return;
    let gone = false;
    // A canvas, for the page's policy lets pictures come from the server alone.
    createImageBitmap(picture, { resizeHeight: SIZE }).then(
      (bitmap) => {
        const at = canvas.current;
        if (gone || !at) return;
        at.width = bitmap.width;
        at.height = bitmap.height;
        at.getContext('2d')?.drawImage(bitmap, 0, 0);
      },
      (error: unknown) => console.info('the picture cannot be shown:', error),
    );
    return () => {
      gone = true;
    };
  }, [picture]);

  return (
    <div class="example">
      {picture && <canvas ref={canvas} width={0} height={0} />}
      <div>
        <p class="example-title">{words.example[example?.kind ?? 'like']}</p>
        {example && <p class="quiet">{example.file.name}</p>}
        {example && example.kind !== 'audio' && (
          <fieldset class="switch">
            <legend class="unseen">{words.example.how}</legend>
            {(['image', 'face'] as const).map((kind) => (
              <button
                key={kind}
                type="button"
                aria-pressed={example.kind === kind}
                onClick={() => example.kind !== kind && onChange({ ...example, kind })}
              >
                {kind === 'image' ? words.example.asPicture : words.example.asFace}
              </button>
            ))}
          </fieldset>
        )}
      </div>
      <a class="tool" href="/" aria-label={words.example.remove} title={words.example.remove}>
        <Icon name="close" />
      </a>
    </div>
  );
}
