import { useState } from 'preact/hooks';
import { report } from '../api/client.ts';
import type { Moment, VideoHit } from '../api/types.ts';
import { clock, percent } from '../format.ts';
import { Icon } from '../parts/icon.tsx';
import { MatchBadges } from '../parts/match-badges.tsx';
import { note } from '../state/interactions.ts';
import { navigate } from '../state/navigation.ts';
import { HOME } from '../state/route.ts';
import { useWords } from '../words/words.ts';
import { HitPanel } from './hit-panel.tsx';
import { MomentStrip } from './moment-strip.tsx';
import { MomentWords } from './moment-words.tsx';
import { Preview } from './preview.tsx';
import type { Explanations } from './use-explanations.ts';
import { usePreview } from './use-preview.ts';

interface HitProps {
  hit: VideoHit;
  query: string;
  /** From 1. */
  position: number;
  explanations: Explanations;
}

/** Where a video answers by no moment, its beginning is played. */
const BEGINNING_SEC = 10;

export function Hit({ hit, query, position, explanations }: HitProps) {
  const words = useWords();
  const { results } = words;
  const [chosen, choose] = useState<Moment | null>(null);
  const [explained, setExplained] = useState(false);
  const [feedback, setFeedback] = useState<'none' | 'sent' | 'failed'>('none');
  const { playing, handlers } = usePreview();

  const moment = chosen ?? hit.moments[0] ?? null;
  const link = hit.moments[0]?.link ?? hit.page;
  const span = moment ?? { atSec: 0, startSec: 0, endSec: Math.min(BEGINNING_SEC, hit.durationSec) };
  const origin = { 'data-query': query, 'data-position': position };
  const opened = () => note({ kind: 'click', video: hit.video, position, ...(query !== '' && { query }) });
  const refuse = async () => {
    try {
      await report([{ kind: 'not-relevant', video: hit.video, position, ...(query !== '' && { query }) }]);
      setFeedback('sent');
    } catch (error) {
      console.info('not reported:', error);
      setFeedback('failed');
    }
  };
  const id = `hit-${hit.video}`;
  return (
    <article class={feedback === 'sent' ? 'hit hit-refused' : 'hit'} aria-labelledby={id} {...handlers}>
      <a
        class="hit-screen"
        href={moment?.link ?? link}
        tabIndex={-1}
        aria-hidden="true"
        onClick={opened}
        {...origin}
      >
        <Preview
          media={hit.media}
          poster={chosen ? (chosen.thumbnail ?? hit.poster) : (moment?.thumbnail ?? hit.poster)}
          span={span}
          playing={playing}
        />
        <span class="hit-length">{clock(hit.durationSec)}</span>
      </a>
      <div class="hit-text">
        <h2 class="hit-title" id={id}>
          <a href={link} onClick={opened} {...origin}>
            {hit.title || words.video.untitled}
          </a>
        </h2>
        <div class="hit-facts">
          <MatchBadges matched={hit.matched} />
          <span class="quiet">{results.relevance(percent(hit.grade))}</span>
          {!hit.complete && (
            <span class="quiet">
              <Icon name="note" />
              {results.incomplete}
            </span>
          )}
        </div>
        {moment && <MomentWords moment={moment} />}
        <MomentStrip
          moments={hit.moments}
          current={moment}
          onChoose={choose}
          onOpen={opened}
          origin={origin}
        />
        {hit.similar.length > 0 && (
          <p class="quiet alike">
            {results.alike(hit.similar.length)}:{' '}
            {hit.similar.map(({ video, title }, i) => (
              <span key={video}>
                {i > 0 && ', '}
                <a href={`/videos/${encodeURIComponent(video)}`}>{title || words.video.untitled}</a>
              </span>
            ))}
          </p>
        )}
        <div class="hit-ways">
          <button
            type="button"
            class="way"
            aria-expanded={explained}
            onClick={() => {
              setExplained(!explained);
              explanations.want();
            }}
          >
            <Icon name="why" />
            {results.why}
          </button>
          {moment && (
            <button type="button" class="way" onClick={() => navigate({ ...HOME, like: moment.id })}>
              <Icon name="like" />
              {results.like}
            </button>
          )}
          {feedback !== 'sent' && (
            <button type="button" class="way" onClick={refuse}>
              <Icon name="wrong" />
              {results.notRelevant}
            </button>
          )}
          <span role="status" class="quiet">
            {feedback === 'sent' && results.noted}
            {feedback === 'failed' && results.notNoted}
          </span>
        </div>
      </div>
      {explained && <HitPanel {...{ hit, explanations }} />}
    </article>
  );
}
