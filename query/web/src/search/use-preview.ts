/** When a result plays: while the pointer or the focus is on it; by the space bar for those who want less motion. */
import type { TargetedFocusEvent, TargetedKeyboardEvent, TargetedPointerEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/** A pointer on its way elsewhere starts nothing. */
const REST_MS = 200;

interface Previewing {
  playing: boolean;
  handlers: {
    onPointerEnter: (event: TargetedPointerEvent<HTMLElement>) => void;
    onPointerLeave: () => void;
    onFocusIn: () => void;
    onFocusOut: (event: TargetedFocusEvent<HTMLElement>) => void;
    onKeyDown: (event: TargetedKeyboardEvent<HTMLElement>) => void;
  };
}

export function usePreview(): Previewing {
  const [playing, set] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const stop = () => {
    clearTimeout(timer.current);
    set(false);
  };
  const soon = () => {
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => set(true), REST_MS);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return {
    playing,
    handlers: {
      // A finger means to open or to scroll.
      onPointerEnter: (event) => {
        if (event.pointerType !== 'touch') soon();
      },
      onPointerLeave: stop,
      onFocusIn: soon,
      onFocusOut: (event) => {
        const { relatedTarget, currentTarget } = event;
        if (!(relatedTarget instanceof Node) || !currentTarget.contains(relatedTarget)) stop();
      },
      onKeyDown: (event) => {
        if (event.key !== ' ' || !(event.target instanceof HTMLAnchorElement)) return;
        event.preventDefault();
        clearTimeout(timer.current);
        set(!playing);
      },
    },
  };
}
