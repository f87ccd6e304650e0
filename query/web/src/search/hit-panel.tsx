import type { Contribution, Explanation, VideoHit } from '../api/types.ts';
import { decimal, percent } from '../format.ts';
import { channelName, failureWords } from '../words/naming.ts';
import { useWords } from '../words/words.ts';
import { Bars } from './bars.tsx';
import type { Explanations } from './use-explanations.ts';

/** Why a video is where it is: by which channels it was found, what makes it relevant, what orders it. */
export function HitPanel({ hit, explanations }: { hit: VideoHit; explanations: Explanations }) {
  const words = useWords();
  const { explain } = words;
  const { status, model } = explanations;
  // Answers that were asked for with explanations have them already.
  const explanation = explanations.of(hit.video) ?? hit.explain ?? null;
  return (
    <section class="hit-panel" aria-label={explain.hit}>
      <div>
        <h3>{explain.found}</h3>
        <Channels why={hit.why} />
      </div>
      {explanation ? (
        <Reasons explanation={explanation} model={model} />
      ) : (
        <p class="quiet" role="status">
          {status === 'asking' && words.results.searching}
          {status === 'known' && explain.noFeatures}
          {typeof status === 'object' && failureWords(status, words).detail}
        </p>
      )}
    </section>
  );
}

function Channels({ why }: { why: readonly Contribution[] }) {
  const words = useWords();
  const { explain } = words;
  const most = Math.max(...why.map(({ share }) => share));
  return (
    <table class="channels">
      <thead>
        <tr>
          <th scope="col">{explain.channel}</th>
          <th scope="col">{explain.rank}</th>
          <th scope="col">{explain.share}</th>
        </tr>
      </thead>
      <tbody>
        {why.map(({ channel, rank, share }) => {
          const { name, of } = channelName(channel, words);
          return (
            <tr key={channel} title={channel}>
              <th scope="row">
                {name} <span class="quiet">{of}</span>
              </th>
              <td>{rank}</td>
              <td>
                <meter min={0} max={most} value={share} aria-label={`${explain.share}: ${name}`} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Reasons({ explanation, model }: { explanation: Explanation; model: string | null }) {
  const words = useWords();
  const { explain, language } = words;
  const { features, ranking, grade } = explanation;
  const added = features
    .map(({ feature, value, weight }) => ({
      name: explain.featureNames[feature] ?? feature,
      size: value * weight,
      told: `${decimal(value, language)} × ${decimal(weight, language)}`,
    }))
    .filter(({ size }) => size !== 0)
    .sort((a, b) => Math.abs(b.size) - Math.abs(a.size));
  const parts = Object.entries(ranking.parts).map(([part, size]) => ({
    ...{ name: explain.objectives[part] ?? part, size, told: decimal(size, language) },
  }));
  return (
    <div class="reasons">
      <div>
        <h3>
          {explain.features} <span class="quiet">{`${explain.grade} ${percent(grade)}`}</span>
        </h3>
        <Bars bars={added} />
        {model && <p class="quiet">{explain.model(model)}</p>}
      </div>
      <div>
        <h3>{explain.ranking}</h3>
        <Bars bars={parts} />
      </div>
    </div>
  );
}
