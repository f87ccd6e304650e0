/** Shortcuts of single keys, which rest while somebody writes. */
import { useLayoutEffect, useRef } from 'preact/hooks';

export type Shortcuts = Record<string, (event: KeyboardEvent) => void>;

const WRITES = 'input, textarea, select, [contenteditable]';
/** These do something of their own on space. */
const PRESSABLE = 'button, video, audio, summary';

export function useKeys(shortcuts: Shortcuts): void {
  const current = useRef(shortcuts);
  current.current = shortcuts;
  // Before the page is seen: who types at once is heard.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const at = event.target instanceof Element ? event.target : null;
      if (at?.closest(WRITES) || at?.closest('dialog')) return;
      if (event.key === ' ' && at?.closest(PRESSABLE)) return;
      current.current[event.key.length === 1 ? event.key.toLowerCase() : event.key]?.(event);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}
