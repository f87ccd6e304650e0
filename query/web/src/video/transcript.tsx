import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { VideoDetails } from '../api/types.ts';
import { clock } from '../format.ts';
import { Icon } from '../parts/icon.tsx';
import { useWords } from '../words/words.ts';
import { cuesOf, placesAt } from './tracks.ts';

interface TranscriptProps {
  video: VideoDetails;
  /** Seconds. */
  at: number;
  playing: boolean;
  seek: (seconds: number) => void;
}

/** Everything that is said and shown, in time, to read, to look through and to go to. */
export function Transcript({ video, at, playing, seek }: TranscriptProps) {
  const { video: words, results } = useWords();
  const all = useMemo(() => cuesOf(video), [video]);
  const [wanted, setWanted] = useState('');
  const list = useRef<HTMLOListElement>(null);
  const text = wanted.trim().toLowerCase();
  const cues = useMemo(() => all.filter((cue) => cue.text.toLowerCase().includes(text)), [all, text]);
  const now = placesAt(cues, at);
  const current = now.at(-1) ?? -1;

  // The line of now stays in sight; the page itself does not move.
  useEffect(() => {
    const box = list.current;
    const line = box?.children[current];
    if (!playing || !box || !(line instanceof HTMLElement)) return;
    const from = line.offsetTop - box.offsetTop;
    if (from < box.scrollTop || from + line.offsetHeight > box.scrollTop + box.clientHeight) {
      box.scrollTop = from - box.clientHeight / 3;
    }
  }, [current, playing]);

  // As in the tracks: there may be thousands, and time goes on.
  const lines = useMemo(() => {
    const active = new Set(now);
    return cues.map((cue, i) => (
      <li key={`${cue.kind} ${cue.startSec} ${cue.endSec} ${cue.text}`}>
        <button
          type="button"
          class="line"
          aria-current={active.has(i) ? 'true' : undefined}
          onClick={() => seek(cue.startSec)}
        >
          <span class="line-time">{clock(cue.startSec)}</span>
          <Icon name={cue.kind} />
          <span class="unseen">{results[cue.kind]}: </span>
          <span>{cue.text}</span>
        </button>
      </li>
    ));
  }, [cues, now.join(), seek, results]);

  return (
    <section class="panel transcript" aria-labelledby="transcript-title">
      <div class="panel-head">
        <h2 id="transcript-title">{words.transcript}</h2>
        {all.length > 0 && (
          <input
            type="search"
            class="field"
            placeholder={words.find}
            aria-label={words.find}
            value={wanted}
            onInput={(event) => setWanted(event.currentTarget.value)}
          />
        )}
      </div>
      {all.length === 0 && <p class="quiet">{words.nothingSaid}</p>}
      {all.length > 0 && cues.length === 0 && <p class="quiet">{words.noLine}</p>}
      {cues.length > 0 && (
        <ol ref={list} tabIndex={-1}>
          {lines}
        </ol>
      )}
    </section>
  );
}
