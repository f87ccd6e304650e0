import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { VideoDetails } from '../api/types.ts';
import { clock } from '../format.ts';
import { Icon } from '../parts/icon.tsx';
import { useWords } from '../words/words.ts';
import { TrackRow } from './track-row.tsx';
import { tracksOf } from './tracks.ts';

interface TimelineProps {
  video: VideoDetails;
  /** Seconds. */
  at: number;
  playing: boolean;
  seek: (seconds: number) => void;
}

/** A shot of usual length is at least that wide at first, so that its picture can be made out. */
const SHOT_PX = 64;
const ZOOM = 1.6;
const MOST_ZOOM = 40;
/** Ticks of the ruler are that far apart, at least. */
const TICK_PX = 72;
const TICKS_SEC = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600];

/** Tracks on one scale of time, with a line where the player is. What does not fit is scrolled to. */
export function Timeline({ video, at, playing, seek }: TimelineProps) {
  const words = useWords();
  const { video: names } = words;
  const tracks = useMemo(() => tracksOf(video, words), [video, words]);
  const scroller = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState(0);
  const [zoom, setZoom] = useState<number | null>(null);
  const duration = Math.max(video.durationSec ?? 0, 0.1);

  useLayoutEffect(() => {
    const measure = new ResizeObserver(([entry]) => setRoom(entry?.contentRect.width ?? 0));
    if (scroller.current) measure.observe(scroller.current);
    return () => measure.disconnect();
  }, []);
  const first = Math.min(MOST_ZOOM, Math.max(1, (video.shots.length * SHOT_PX) / Math.max(room, 1)));
  const factor = zoom ?? first;
  const width = room * factor;
  const place = (seconds: number) => `${(Math.min(seconds, duration) / duration) * 100}%`;

  // The line stays in sight while the video plays.
  useEffect(() => {
    const box = scroller.current;
    if (!box || !playing) return;
    const x = (at / duration) * width;
    if (x < box.scrollLeft || x > box.scrollLeft + room) box.scrollLeft = x - room / 4;
  }, [at, playing, width]);

  const apart = TICKS_SEC.find((seconds) => (seconds / duration) * width >= TICK_PX) ?? 3_600;
  const ticks = Array.from({ length: Math.floor(duration / apart) + 1 }, (_, i) => i * apart).filter(
    (seconds) => (1 - seconds / duration) * width > TICK_PX / 2,
  );
  return (
    <section class="timeline" aria-label={names.timeline}>
      <div class="timeline-zoom">
        <button
          type="button"
          class="tool"
          aria-label={names.zoomOut}
          title={names.zoomOut}
          disabled={factor <= 1}
          onClick={() => setZoom(Math.max(1, factor / ZOOM))}
        >
          <Icon name="minus" />
        </button>
        <button
          type="button"
          class="tool"
          aria-label={names.zoomIn}
          title={names.zoomIn}
          disabled={factor >= MOST_ZOOM}
          onClick={() => setZoom(Math.min(MOST_ZOOM, factor * ZOOM))}
        >
          <Icon name="plus" />
        </button>
      </div>
      <div class="timeline-names" aria-hidden="true">
        {tracks.map(({ id, kind, label, lanes }) => (
          <span key={id} class={`track-name track-name-${kind}`} style={{ '--lanes': lanes }}>
            {label}
          </span>
        ))}
      </div>
      <div class="timeline-scroll" ref={scroller}>
        <div class="timeline-scale" style={{ width: `${width}px` }}>
          <div class="ruler" aria-hidden="true">
            {ticks.map((seconds) => (
              <span key={seconds} style={{ left: place(seconds) }}>
                {clock(seconds)}
              </span>
            ))}
          </div>
          {tracks.map((track) => (
            <TrackRow key={track.id} {...{ track, at, seek, duration }} />
          ))}
          <span class="playhead" style={{ left: place(at) }} aria-hidden="true" />
        </div>
      </div>
    </section>
  );
}
