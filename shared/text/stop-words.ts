/**
 * Words too common to find anything by. Kept small: a word that is missing here only costs a little ranking (BM25 weighs
 * common words low), a word that is here too many can never be searched for.
 */
const ENGLISH =
  'a an the and or but if of at by for with about to from in on as is are was were be been am do does did has have had ' +
  "it its it's this that these those there i you he she we they me him her us them my your his our their not so than then " +
  "what which who when where how all any both each some such can will just into over out up down i'm i'll don't you're";
const CHINESE =
  '的 了 着 在 是 和 与 及 或 就 都 也 而 把 被 给 让 向 从 对 于 吗 呢 吧 啊 呀 哦 嗯 之 其 这 那 这个 那个 这些 那些 一个 ' +
  '一种 一些 有 没有 我 你 他 她 它 我们 你们 他们 她们 它们 自己 不 很 太 更 最 又 还 再 可以 可 会 能 要 上 下 里 中';

export const ENGLISH_STOP_WORDS: ReadonlySet<string> = new Set(ENGLISH.split(' '));
export const CHINESE_STOP_WORDS: ReadonlySet<string> = new Set(CHINESE.split(' '));

/** Characters that are grammar between two words: a bigram with one of them spans words and means nothing. */
export const CHINESE_PARTICLES: ReadonlySet<string> = new Set('的了着是在和与吗呢吧啊呀把被我你他她它这那');

/** More words that never begin, end or make a key phrase, though they can be searched for. */
const PHRASE_BREAKERS =
  'also very more most much many other another same only own too now here again once while because until during before ' +
  'after above below between through against like get got go going come came make made let say said says tell know think ' +
  'see look want need use used using take give one two first second thing things way lot really actually maybe well okay ' +
  "ok yes no yeah oh hey hello hi please thanks thank would could should may might must shall etc via per dont that's he's " +
  "she's we're they're can't won't isn't aren't doesn't didn't there's what's let's i've you've we've";

export const PHRASE_STOP_WORDS: ReadonlySet<string> = new Set([
  ...ENGLISH_STOP_WORDS,
  ...PHRASE_BREAKERS.split(' '),
]);
