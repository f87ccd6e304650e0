import { Icon } from '../parts/icon.tsx';
import { useWords } from '../words/words.ts';

/** Below the box of the start page: what can be asked. */
export function Start() {
  const { start } = useWords();
  return (
    <div class="start">
      <ul>
        {(['said', 'shown', 'who', 'seen'] as const).map((way) => (
          <li key={way}>
            <Icon name={way} />
            <h2>{start[way].title}</h2>
            <p>{start[way].text}</p>
          </li>
        ))}
      </ul>
      <p class="quiet start-keys">{start.keys}</p>
    </div>
  );
}
