/** Moving between addresses without loading the page again. */
import { useLayoutEffect, useState } from 'preact/hooks';
import { formatRoute, parseRoute, type Route } from './route.ts';

/** Where a video was opened from; kept with the entry of the history. */
export interface Origin {
  query: string;
  position: number;
}

interface Entry {
  origin?: Origin;
  scroll?: number;
}

const MOVED = 'cinedex:moved';

function entry(): Entry {
  return (history.state ?? {}) as Entry;
}

export function originOfPage(): Origin | null {
  return entry().origin ?? null;
}

/** Brings back where the page was scrolled to when it was left. */
export function restoreScroll(): void {
  const { scroll } = entry();
  if (scroll !== undefined) scrollTo({ top: scroll, behavior: 'instant' });
}

export function navigate(to: Route | string, options: { replace?: boolean; origin?: Origin } = {}): void {
  const address = typeof to === 'string' ? to : formatRoute(to);
  const next: Entry = options.origin ? { origin: options.origin } : {};
  if (options.replace) history.replaceState({ ...entry(), ...next }, '', address);
  else {
    history.replaceState({ ...entry(), scroll: scrollY }, '');
    history.pushState(next, '', address);
    scrollTo({ top: 0, behavior: 'instant' });
  }
  dispatchEvent(new Event(MOVED));
}

export function useRoute(): Route {
  const read = () => parseRoute(location.pathname + location.search);
  const [route, set] = useState(read);
  // Before the page is seen: who asks at once is led on.
  useLayoutEffect(() => {
    const update = () => set(read());
    addEventListener('popstate', update);
    addEventListener(MOVED, update);
    return () => {
      removeEventListener('popstate', update);
      removeEventListener(MOVED, update);
    };
  }, []);
  return route;
}

/** Lets plain links to pages of ours work without a load; everything else about them stays the browser's. */
export function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (link?.target !== '' || link.hash !== '' || link.origin !== location.origin) return;
  if (parseRoute(link.pathname).page === 'search' && link.pathname !== '/') return;
  event.preventDefault();
  const { query, position } = link.dataset;
  const origin = query === undefined ? undefined : { query, position: Number(position) };
  navigate(link.pathname + link.search, { origin });
}
