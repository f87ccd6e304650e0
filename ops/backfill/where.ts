/**
 * The condition of `--where`: `source=ugc and (stage.ocr<2 or status.audio=failed) and not published>=2024-01-01`.
 *
 *     condition  := and { "or" and }
 *     and        := unary { "and" unary }
 *     unary      := "not" unary | "(" condition ")" | comparison
 *     comparison := field ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
 *     value      := word | number | "quoted" | 'quoted'
 *
 * A field that a video does not have equals nothing and is neither less nor more than anything; `!=` holds for it.
 */
import { CinedexError } from '../../shared/contracts/errors.ts';
import { StepStatus, type VideoRecord } from '../../shared/ports/ledger.ts';

export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=';
export type Condition =
  | { kind: 'and' | 'or'; left: Condition; right: Condition }
  | { kind: 'not'; inner: Condition }
  | { kind: 'compare'; field: string; operator: Operator; value: string | number };

/** Plain fields and what they are compared as; `stage.<name>` (number) and `status.<stage>` (text) come beside them. */
const FIELDS = {
  source: 'text',
  tenant: 'text',
  video: 'text',
  language: 'text',
  uploader: 'text',
  published: 'date',
} as const;

const KNOWN_FIELDS = [...Object.keys(FIELDS), 'stage.<name>', 'status.<stage>'].join(', ');
const DEEPEST = 100;

interface Token {
  kind: 'word' | 'text' | 'operator' | 'open' | 'close' | 'end';
  text: string;
  at: number;
}

/**
 * @param stages names of the stages that exist; a field about another is an error
 * @throws CinedexError USAGE, with the place of the mistake
 */
export function parseWhere(source: string, stages: readonly string[]): Condition {
  return new Parser(source, stages).parse();
}

class Parser {
  readonly #source: string;
  readonly #stages: readonly string[];
  readonly #tokens: Token[];
  #next = 0;
  #depth = 0;

  constructor(source: string, stages: readonly string[]) {
    this.#source = source;
    this.#stages = stages;
    this.#tokens = tokenize(source);
  }

  parse(): Condition {
    const condition = this.#or();
    const rest = this.#take();
    if (rest.kind !== 'end') fail(this.#source, rest.at, 'expected "and", "or" or the end');
    return condition;
  }

  #or(): Condition {
    let left = this.#and();
    while (this.#accept('or')) left = { kind: 'or', left, right: this.#and() };
    return left;
  }

  #and(): Condition {
    let left = this.#unary();
    while (this.#accept('and')) left = { kind: 'and', left, right: this.#unary() };
    return left;
  }

  #unary(): Condition {
    this.#depth += 1;
    if (this.#depth > DEEPEST) fail(this.#source, this.#peek().at, 'too deeply nested');
    try {
      if (this.#accept('not')) return { kind: 'not', inner: this.#unary() };
      if (this.#peek().kind !== 'open') return this.#comparison();
      this.#take();
      const inner = this.#or();
      const close = this.#take();
      if (close.kind !== 'close') fail(this.#source, close.at, 'expected ")"');
      return inner;
    } finally {
      this.#depth -= 1;
    }
  }

  #comparison(): Condition {
    const name = this.#take();
    if (name.kind !== 'word') fail(this.#source, name.at, `expected a field (${KNOWN_FIELDS})`);
    const field = name.text;
    const type = this.#typeOf(field, name.at);
    const sign = this.#take();
    if (sign.kind !== 'operator') fail(this.#source, sign.at, 'expected = != < <= > or >=');
    const operator = sign.text as Operator;
    const value = this.#take();
    if (value.kind !== 'word' && value.kind !== 'text') fail(this.#source, value.at, 'expected a value');
    return { kind: 'compare', field, operator, value: this.#value(field, type, value) };
  }

  #typeOf(field: string, at: number): 'text' | 'date' | 'number' {
    const [group, stage] = field.split(/\.(.*)/s);
    if ((group === 'stage' || group === 'status') && stage !== undefined) {
      if (!this.#stages.includes(stage))
        fail(this.#source, at, `no stage "${stage}" (there are ${this.#stages.join(', ')})`);
      return group === 'stage' ? 'number' : 'text';
    }
    if (Object.hasOwn(FIELDS, field)) return FIELDS[field as keyof typeof FIELDS];
    return fail(this.#source, at, `no field "${field}" (there are ${KNOWN_FIELDS})`);
  }

  #value(field: string, type: 'text' | 'date' | 'number', { text, at }: Token): string | number {
    if (type === 'number') {
      if (!/^\d{1,9}$/.test(text)) fail(this.#source, at, `${field} is compared with a whole number`);
      return Number(text);
    }
    if (type === 'date') {
      const time = /^\d{4}(-\d\d(-\d\d(T.*)?)?)?$/.test(text) ? Date.parse(text) : Number.NaN;
      if (Number.isNaN(time))
        fail(this.#source, at, `${field} is compared with a date (2024-05-01, 2024-05-01T12:00Z)`);
      return time;
    }
    if (field.startsWith('status.') && text !== 'none' && !StepStatus.safeParse(text).success)
      fail(this.#source, at, `${field} is one of none, ${StepStatus.options.join(', ')}`);
    return text;
  }

  #peek(): Token {
    return this.#tokens[this.#next]!;
  }

  #take(): Token {
    const token = this.#peek();
    if (token.kind !== 'end') this.#next += 1;
    return token;
  }

  #accept(word: string): boolean {
    const { kind, text } = this.#peek();
    if (kind !== 'word' || text.toLowerCase() !== word) return false;
    this.#next += 1;
    return true;
  }
}

const TOKEN = /\s*(?:(?<operator>!=|<=|>=|=|<|>)|(?<open>\()|(?<close>\))|(?<word>[^\s()=<>!"']+))/y;
const QUOTED = /\s*(?:"(?<double>(?:[^"\\]|\\.)*)"|'(?<single>(?:[^'\\]|\\.)*)')/y;

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let from = 0;
  for (;;) {
    const at = from + /^\s*/.exec(source.slice(from))![0].length;
    if (at >= source.length) return [...tokens, { kind: 'end', text: '', at: source.length }];
    TOKEN.lastIndex = from;
    QUOTED.lastIndex = from;
    const quoted = QUOTED.exec(source)?.groups;
    const plain = quoted ? undefined : TOKEN.exec(source)?.groups;
    if (quoted) {
      const text = (quoted.double ?? quoted.single)!.replace(/\\(.)/gs, '$1');
      tokens.push({ kind: 'text', text, at });
      from = QUOTED.lastIndex;
    } else if (plain) {
      const kind = (['operator', 'open', 'close', 'word'] as const).find(
        (each) => plain[each] !== undefined,
      )!;
      tokens.push({ kind, text: plain[kind]!, at });
      from = TOKEN.lastIndex;
    } else if (/["']/.test(source[at]!)) fail(source, at, 'this quotation mark is not closed');
    else fail(source, at, `"${source[at]}" is not understood here`);
  }
}

function fail(source: string, at: number, problem: string): never {
  const shown = source.length > 60 ? `…${source.slice(Math.max(0, at - 20), at + 30)}…` : source;
  throw new CinedexError('USAGE', `--where, character ${at + 1}: ${problem}, in: ${shown}`);
}

/** Whether a video meets the condition. */
export function meets(video: VideoRecord, condition: Condition): boolean {
  if (condition.kind === 'not') return !meets(video, condition.inner);
  if (condition.kind !== 'compare') {
    const { kind, left, right } = condition;
    return kind === 'and'
      ? meets(video, left) && meets(video, right)
      : meets(video, left) || meets(video, right);
  }
  const { operator, value } = condition;
  const actual = fieldOf(video, condition.field);
  if (actual === null) return operator === '!=';
  if (operator === '=') return actual === value;
  if (operator === '!=') return actual !== value;
  if (operator === '<') return actual < value;
  if (operator === '<=') return actual <= value;
  if (operator === '>') return actual > value;
  return actual >= value;
}

function fieldOf(video: VideoRecord, field: string): string | number | null {
  const { metadata } = video;
  if (field === 'source') return video.source;
  if (field === 'tenant') return video.tenant;
  if (field === 'video') return video.videoId;
  if (field === 'language') return metadata.language ?? null;
  if (field === 'uploader') return metadata.uploader?.id ?? null;
  if (field === 'published') return metadata.publishedAt ? Date.parse(metadata.publishedAt) : null;
  const [group, stage] = field.split(/\.(.*)/s) as [string, string];
  const step = video.steps[stage];
  if (group === 'status') return step?.status ?? 'none';
  // A stage that never finished counts as version 0, as does one of before versions were kept.
  const finished = step?.status === 'done' || step?.status === 'partial' || step?.status === 'skipped';
  return finished ? (step.version ?? 0) : 0;
}
