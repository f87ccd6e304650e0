/** Language and theme of the page, kept in the browser. */
import { useEffect, useState } from 'preact/hooks';

export type Theme = 'system' | 'light' | 'dark';
export type PageLanguage = 'en' | 'zh';

export interface Settings {
  theme: Theme;
  language: PageLanguage;
}

const KEY = 'cinedex.settings';
const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

function usual(): Settings {
  return { theme: 'system', language: navigator.language.startsWith('zh') ? 'zh' : 'en' };
}

/** Storage may be forbidden, and holds what any version of the page wrote. */
function stored(): Settings {
  const settings = usual();
  try {
    const { theme, language } = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Settings>;
    if (theme && THEMES.includes(theme)) settings.theme = theme;
    if (language === 'en' || language === 'zh') settings.language = language;
  } catch (error) {
    console.info('settings are not kept:', error);
  }
  return settings;
}

function apply({ theme, language }: Settings): void {
  const root = document.documentElement;
  root.lang = language === 'zh' ? 'zh-Hans' : 'en';
  if (theme === 'system') delete root.dataset.theme;
  else root.dataset.theme = theme;
}

export function useSettings(): [Settings, (change: Partial<Settings>) => void] {
  const [settings, set] = useState(() => {
    const first = stored();
    apply(first);
    return first;
  });
  useEffect(() => apply(settings), [settings]);
  const change = (part: Partial<Settings>) => {
    const next = { ...settings, ...part };
    set(next);
    try {
      localStorage.setItem(KEY, JSON.stringify(next));
    } catch (error) {
      console.info('settings are not kept:', error);
    }
  };
  return [settings, change];
}
