import type { StageState } from '../api/types.ts';
import { useWords } from '../words/words.ts';

/** How far the pipeline is with the video. */
export function Stages({ stages }: { stages: readonly StageState[] }) {
  const { video: words } = useWords();
  return (
    <section class="panel" aria-labelledby="stages-title">
      <h2 id="stages-title">{words.stages}</h2>
      <ul class="stages">
        {stages.map(({ stage, state, attempts, error }) => (
          <li key={stage} class={`stage-${state}`}>
            <span>{words.stageNames[stage] ?? stage}</span>
            <span class="stage-state">
              {words.states[state] ?? state}
              {attempts > 1 && `, ${words.attempts(attempts)}`}
            </span>
            {error && (
              <p class="quiet" lang="en">
                {error.code}: {error.message}
              </p>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
