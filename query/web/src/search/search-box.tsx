import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import { Icon } from '../parts/icon.tsx';
import { type Example, exampleAmong } from '../state/examples.ts';
import { navigate } from '../state/navigation.ts';
import { formatRoute, HOME, type SearchRoute } from '../state/route.ts';
import { useWords } from '../words/words.ts';
import { useSuggestions } from './use-suggestions.ts';

interface SearchBoxProps {
  route: SearchRoute;
  box: RefObject<HTMLInputElement | null>;
  onExample: (example: Example) => void;
}

const LIST = 'suggestions';

/** A combobox as the ARIA practices describe it: the focus stays in the text, the list is told by aria-activedescendant. */
export function SearchBox({ route, box, onExample }: SearchBoxProps) {
  const words = useWords();
  const [text, setText] = useState(route.text);
  const [typed, setTyped] = useState<string | null>(null);
  const [active, setActive] = useState(-1);
  const suggestions = useSuggestions(typed);
  const open = typed !== null && suggestions.length > 0;

  // Before the page is seen: later it would erase what somebody has begun to type.
  useLayoutEffect(() => {
    setText(route.text);
    close();
  }, [route.text]);
  useEffect(() => setActive(-1), [suggestions]);

  const close = () => {
    setTyped(null);
    setActive(-1);
  };
  const ask = (question: string) => {
    close();
    setText(question);
    const asked = question.trim();
    if (asked === '') return;
    box.current?.blur();
    // A new question starts without the filters of the last.
    const next = { ...HOME, text: asked };
    if (asked !== route.text || route.like || route.example) navigate(next);
    else navigate(formatRoute(next), { replace: true });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (!open) {
        setTyped(text);
        return;
      }
      // One place more than there are suggestions: the text itself.
      const places = suggestions.length + 1;
      const step = event.key === 'ArrowDown' ? 1 : -1;
      setActive(((active + 1 + step + places) % places) - 1);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      ask(open ? (suggestions[active]?.text ?? text) : text);
    } else if (event.key === 'Escape') {
      event.preventDefault();
      if (open) close();
      else if (text !== '') setText('');
      else box.current?.blur();
    }
  };
  return (
    <search class="ask">
      <form
        class="box"
        onSubmit={(event) => {
          event.preventDefault();
          ask(text);
        }}
      >
        <Icon name="search" />
        <input
          ref={box}
          id="question"
          type="text"
          role="combobox"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          enterkeyhint="search"
          maxLength={1000}
          aria-label={words.search.label}
          aria-expanded={open}
          aria-controls={LIST}
          aria-autocomplete="list"
          aria-activedescendant={active >= 0 ? `${LIST}-${active}` : undefined}
          placeholder={words.search.placeholder}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setTyped(event.currentTarget.value);
          }}
          onKeyDown={onKeyDown}
          onBlur={close}
        />
        {text !== '' && (
          <button
            type="button"
            class="tool"
            aria-label={words.search.clear}
            onClick={() => {
              setText('');
              close();
              box.current?.focus();
            }}
          >
            <Icon name="close" />
          </button>
        )}
        <label class="tool" title={words.search.picture}>
          <Icon name="picture" />
          <input
            type="file"
            class="unseen"
            accept="image/*,audio/*"
            aria-label={words.search.picture}
            onChange={(event) => {
              const example = exampleAmong(event.currentTarget.files ?? []);
              event.currentTarget.value = '';
              if (example) onExample(example);
            }}
          />
        </label>
        <button type="submit" class="button button-strong go">
          {words.search.submit}
        </button>
      </form>
      <div id={LIST} class="suggestions" role="listbox" aria-label={words.search.suggestions} hidden={!open}>
        {suggestions.map(({ text: suggestion, kind }, i) => (
          <div
            key={`${kind} ${suggestion}`}
            id={`${LIST}-${i}`}
            role="option"
            tabIndex={-1}
            aria-selected={i === active}
            // Before the box loses the focus, which closes the list.
            onPointerDown={(event) => {
              event.preventDefault();
              ask(suggestion);
            }}
            onPointerMove={() => setActive(i)}
          >
            <span>{suggestion}</span>
            <span class="quiet">{words.search.kinds[kind]}</span>
          </div>
        ))}
      </div>
      <span class="unseen" role="status">
        {open ? words.search.suggestionCount(suggestions.length) : ''}
      </span>
    </search>
  );
}
