import { useEffect, useRef } from 'preact/hooks';
import { useWords } from '../words/words.ts';
import { Icon } from './icon.tsx';

export function Help({ onClose }: { onClose: () => void }) {
  const { keys } = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const rows: [string[], string][] = [
    [['/'], keys.focus],
    [['↑', '↓'], keys.choose],
    [['J'], keys.next],
    [['K'], keys.previous],
    [['Enter'], keys.enter],
    [[keys.space], keys.play],
    [['←', '→'], keys.seek],
    [['Esc'], keys.escape],
    [['?'], keys.help],
  ];
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={onClose}>
      <div class="panel-head">
        <h2 id="help-title">{keys.title}</h2>
        <button type="button" class="tool" aria-label={keys.close} onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </div>
      <dl>
        {rows.map(([names, what]) => (
          <div key={what}>
            <dt>
              {names.map((name) => (
                <kbd key={name}>{name}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </dialog>
  );
}
