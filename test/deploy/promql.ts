/** As much of PromQL as is needed to see which metrics and labels a query names. */

export interface Named {
  metric: string;
  /** Labels that its selector compares, and with what. */
  matchers: { label: string; value: string }[];
}

/** Words that are no metrics. */
const WORDS = new Set(
  ['by', 'without', 'on', 'ignoring', 'group_left', 'group_right', 'and', 'or', 'unless', 'bool'].concat(
    'offset',
    'inf',
    'nan',
  ),
);
const GROUPING = /\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;
const SELECTOR = /([A-Za-z_:][\w:]*)\s*(\{[^}]*\})?/g;
const MATCHER = /([A-Za-z_]\w*)\s*(?:=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"/g;

/** The series that a query selects. Text in selectors may hold any sign but `}`. */
export function namedMetrics(query: string): Named[] {
  const withoutGrouping = query
    .replace(GROUPING, ' ')
    .replace(/\[[^\]]*\]/g, ' ')
    .replace(/\b\d+(\.\d+)?(ms|[smhdwy])?\b/g, ' ');
  return [...withoutGrouping.matchAll(SELECTOR)].flatMap(([whole, name, selector], i, all) => {
    const rest = withoutGrouping.slice(all[i]!.index + whole.length);
    const isFunction = selector === undefined && /^\s*\(/.test(rest);
    if (WORDS.has(name!.toLowerCase()) || isFunction) return [];
    const matchers = [...(selector ?? '').matchAll(MATCHER)].map(([, label, value]) => ({
      label: label!,
      value: value!,
    }));
    return [{ metric: name!, matchers }];
  });
}

/** The labels by which a query groups or joins. */
export function groupedLabels(query: string): string[] {
  return [...query.matchAll(GROUPING)].flatMap(([, , labels]) =>
    labels!
      .split(',')
      .map((label) => label.trim())
      .filter(Boolean),
  );
}
