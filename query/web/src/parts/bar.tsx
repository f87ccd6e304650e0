import type { RefObject } from 'preact';
import { signOut } from '../api/client.ts';
import { SearchBox } from '../search/search-box.tsx';
import type { Example } from '../state/examples.ts';
import { HOME, type Route } from '../state/route.ts';
import type { Settings, Theme } from '../state/settings.ts';
import { useWords } from '../words/words.ts';
import { Icon, type IconName } from './icon.tsx';

interface BarProps {
  route: Route;
  /** On the start page the box stands in the middle. */
  home: boolean;
  settings: Settings;
  change: (change: Partial<Settings>) => void;
  signedIn: boolean;
  box: RefObject<HTMLInputElement | null>;
  byExample: (example: Example) => void;
  onHelp: () => void;
}

const NEXT: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
const THEME_ICONS: Record<Theme, IconName> = { system: 'device', light: 'sun', dark: 'moon' };

export function Bar({ route, home, settings, change, signedIn, box, byExample, onHelp }: BarProps) {
  const words = useWords();
  const { theme, language } = settings;
  const leave = async () => {
    await signOut();
    location.assign('/');
  };
  return (
    <header class={home ? 'bar bar-home' : 'bar'}>
      <a class="brand" href="/" aria-label={words.home}>
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <path d="M12 9.5v13l11-6.5z" />
          <path class="film" d="M6 8v16" />
        </svg>
        <span>{words.name}</span>
      </a>
      {home && (
        <div class="hero">
          <h1>{words.start.title}</h1>
          <p>{words.tagline}</p>
        </div>
      )}
      <SearchBox route={route.page === 'search' ? route : HOME} box={box} onExample={byExample} />
      <div class="tools">
        <button
          type="button"
          class="tool tool-text"
          lang={language === 'en' ? 'zh-Hans' : 'en'}
          aria-label={words.otherLanguageLabel}
          onClick={() => change({ language: language === 'en' ? 'zh' : 'en' })}
        >
          {words.otherLanguage}
        </button>
        <button
          type="button"
          class="tool"
          aria-label={`${words.theme.label}: ${words.theme[theme]}`}
          title={`${words.theme.label}: ${words.theme[theme]}`}
          onClick={() => change({ theme: NEXT[theme] })}
        >
          <Icon name={THEME_ICONS[theme]} />
        </button>
        <button
          type="button"
          class="tool tool-keys"
          aria-label={words.keys.open}
          title={words.keys.open}
          onClick={onHelp}
        >
          <Icon name="keyboard" />
        </button>
        {signedIn && (
          <button
            type="button"
            class="tool"
            aria-label={words.key.signOut}
            title={words.key.signOut}
            onClick={leave}
          >
            <Icon name="leave" />
          </button>
        )}
      </div>
    </header>
  );
}
