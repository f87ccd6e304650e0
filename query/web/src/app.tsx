import { useEffect, useRef, useState } from 'preact/hooks';
import { KEY_WANTED, me } from './api/client.ts';
import type { Me } from './api/types.ts';
import { Bar } from './parts/bar.tsx';
import { Help } from './parts/help.tsx';
import { KeyForm } from './parts/key-form.tsx';
import { DropZone } from './search/drop-zone.tsx';
import { SearchPage } from './search/search-page.tsx';
import { type Example, keepExample } from './state/examples.ts';
import { useKeys } from './state/keys.ts';
import { followLink, navigate, useRoute } from './state/navigation.ts';
import { asksSomething, HOME } from './state/route.ts';
import { useSettings } from './state/settings.ts';
import { VideoPage } from './video/video-page.tsx';
import { WORDS, WordsContext } from './words/words.ts';

export function App() {
  const route = useRoute();
  const [settings, change] = useSettings();
  const words = WORDS[settings.language];
  const [visitor, setVisitor] = useState<Me | 'unknown' | 'stranger'>('unknown');
  const [helping, setHelping] = useState(false);
  const box = useRef<HTMLInputElement>(null);

  const greet = () => {
    // Where this fails otherwise, searching fails too, and says so in the place for it.
    me().then(setVisitor, (error: unknown) => console.info('who asks is not known:', error));
  };
  useEffect(() => {
    const stranger = () => setVisitor('stranger');
    addEventListener(KEY_WANTED, stranger);
    addEventListener('click', followLink);
    greet();
    return () => {
      removeEventListener(KEY_WANTED, stranger);
      removeEventListener('click', followLink);
    };
  }, []);
  useKeys({
    '/': (event) => {
      event.preventDefault();
      box.current?.select();
      box.current?.focus();
    },
    '?': () => setHelping(true),
  });

  const byExample = (example: Example) => navigate({ ...HOME, example: keepExample(example) });
  const home = route.page === 'search' && !asksSomething(route);
  return (
    <WordsContext.Provider value={words}>
      <div class="app">
        <a class="skip" href="#main">
          {words.skip}
        </a>
        <Bar
          {...{ route, home, settings, change, box, byExample }}
          signedIn={typeof visitor === 'object' && !visitor.open}
          onHelp={() => setHelping(true)}
        />
        <main id="main" tabIndex={-1}>
          {visitor === 'stranger' ? (
            <KeyForm onSignedIn={greet} />
          ) : route.page === 'video' ? (
            <VideoPage key={route.video} route={route} />
          ) : (
            <SearchPage route={route} byExample={byExample} />
          )}
        </main>
        {visitor !== 'stranger' && <DropZone onExample={byExample} />}
        {helping && <Help onClose={() => setHelping(false)} />}
      </div>
    </WordsContext.Provider>
  );
}
