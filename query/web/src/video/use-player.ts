/** The player's time, and ways to move it. */
import type { RefObject } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { note } from '../state/interactions.ts';
import { originOfPage } from '../state/navigation.ts';
import { Watched } from '../state/watched.ts';

export interface Player {
  element: RefObject<HTMLVideoElement | null>;
  /** Seconds. */
  at: number;
  playing: boolean;
  broken: boolean;
  seek: (seconds: number) => void;
  toggle: () => void;
  /** For the video element. */
  handlers: Record<
    'onLoadedMetadata' | 'onTimeUpdate' | 'onSeeking' | 'onSeeked' | 'onPlay' | 'onPause' | 'onError',
    () => void
  >;
}

/** Shorter watching says nothing. */
const LEAST_WATCHED_SEC = 1;

/** @param from where to begin, seconds; the player goes there when it changes */
export function usePlayer(video: string, from: number): Player {
  const element = useRef<HTMLVideoElement>(null);
  const [at, setAt] = useState(from);
  const [playing, setPlaying] = useState(false);
  const [broken, setBroken] = useState(false);
  const watched = useRef(new Watched());

  const seek = useCallback((seconds: number) => {
    setAt(seconds);
    if (element.current) element.current.currentTime = seconds;
  }, []);
  const play = () => {
    element.current?.play().catch((error: unknown) => console.info('it does not play by itself:', error));
  };
  // At once: what is clicked as soon as the page is there comes after it.
  useLayoutEffect(() => seek(from), [from]);
  useEffect(() => {
    const origin = originOfPage();
    const tell = () => {
      const { seconds } = watched.current;
      if (seconds < LEAST_WATCHED_SEC) return;
      watched.current = new Watched();
      note({
        ...{ kind: 'watch', video, watchSeconds: Math.round(seconds * 10) / 10 },
        ...(origin?.query && { query: origin.query, position: origin.position }),
      });
    };
    // Before what was noted is sent, which waits for the same event on its way up.
    addEventListener('pagehide', tell, { capture: true });
    return () => {
      removeEventListener('pagehide', tell, { capture: true });
      tell();
    };
  }, [video]);

  return {
    ...{ element, at, playing, broken, seek },
    toggle: () => (element.current?.paused ? play() : element.current?.pause()),
    handlers: {
      onLoadedMetadata: () => {
        // Where it was sent while nothing was known of the media, or to the moment of the address.
        seek(at);
        // Who came by a moment of an answer wants to see it; an address that was typed starts nothing.
        if (originOfPage()) play();
      },
      onTimeUpdate: () => {
        const now = element.current?.currentTime ?? 0;
        setAt(now);
        if (element.current?.seeking === false) watched.current.played(now);
      },
      onSeeking: () => watched.current.jumped(),
      onSeeked: () => setAt(element.current?.currentTime ?? 0),
      onPlay: () => setPlaying(true),
      onPause: () => setPlaying(false),
      onError: () => setBroken(true),
    },
  };
}
