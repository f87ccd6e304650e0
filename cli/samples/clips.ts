/** What the sample clips show and say. Drawn here, so that nothing has to be downloaded or licensed. */

export interface SampleShot {
  seconds: number;
  /** Picture behind the caption: a gradient of two colours, and shapes as SVG on a canvas of 854 × 480. */
  sky: [string, string];
  shapes: string;
  /** A shape that crosses the picture, in pixels a second. */
  mover: { svg: string; width: number; height: number; y: number; speed: number };
  /** File in captions/, and where its middle lies, in fractions of the height. */
  caption: string | null;
  captionAt?: number;
}

export interface SampleClip {
  file: string;
  videoId: string;
  source: 'ogc' | 'ugc';
  title: string;
  description: string;
  tags: string[];
  language: string;
  shots: SampleShot[];
  /** `speech` is read aloud; `chords` are three tones a shot. */
  sound: 'speech' | 'chords' | 'tones' | null;
}

/** Texts of the captions: what captions/<name>.png shows. */
export const CAPTION_TEXTS: Record<string, string> = {
  ferry: 'The ferry leaves the harbour at nine',
  storm: 'Storm warning for the northern coast',
  lighthouse: 'The lighthouse guides the ships home',
  tomato: '今天我们来做番茄炒蛋',
  eggs: '先把三个鸡蛋打散',
  serve: '盛出装盘，趁热吃',
  solar: 'Solar power at home',
  newyear: 'Happy New Year  新年快乐',
  snow: '山顶下了一场大雪',
};

const boat = {
  svg: '<path d="M0 30h120l-18 26H18z" fill="#7a3b1e"/><path d="M56 0v28H16z" fill="#fff"/>',
  width: 120,
  height: 56,
};
const sun = { svg: '<circle cx="40" cy="40" r="38" fill="#ffd23f"/>', width: 80, height: 80 };
const egg = {
  svg: '<ellipse cx="35" cy="27" rx="34" ry="26" fill="#fff8e1"/><circle cx="35" cy="27" r="14" fill="#ffb300"/>',
  width: 70,
  height: 54,
};
const flakes = {
  svg: '<g fill="#fff"><circle cx="8" cy="12" r="6"/><circle cx="40" cy="30" r="8"/><circle cx="80" cy="10" r="5"/><circle cx="105" cy="38" r="7"/></g>',
  width: 120,
  height: 50,
};

export const SAMPLE_CLIPS: readonly SampleClip[] = [
  {
    file: 'harbour.mp4',
    videoId: 'sample-harbour',
    source: 'ogc',
    title: 'A morning at the harbour',
    description: 'Boats, a storm warning and a lighthouse.',
    tags: ['sea', 'travel'],
    language: 'en',
    sound: 'tones',
    shots: [
      {
        ...{ seconds: 4, sky: ['#8fd3f4', '#e0f7fa'], caption: 'ferry' },
        shapes:
          '<rect y="270" width="854" height="210" fill="#1f6f9c"/><path d="M0 270q60-14 120 0t120 0 120 0 120 0 120 0 120 0 134 0v20H0z" fill="#2b86b8"/>',
        mover: { ...boat, y: 235, speed: 110 },
      },
      {
        ...{ seconds: 4, sky: ['#2b3040', '#5b6478'], caption: 'storm' },
        shapes:
          '<rect y="300" width="854" height="180" fill="#20364a"/><g fill="#8a93a5"><ellipse cx="230" cy="110" rx="150" ry="50"/><ellipse cx="560" cy="90" rx="190" ry="60"/></g><path d="M420 130l-40 80h34l-26 70 76-96h-36l34-54z" fill="#ffe066"/>',
        mover: { ...boat, y: 265, speed: 60 },
      },
      {
        ...{ seconds: 4, sky: ['#0b1a3a', '#3a2a5a'], caption: 'lighthouse' },
        shapes:
          '<path d="M600 440l22-260h56l22 260z" fill="#f4f4f4"/><path d="M612 300h76l5 50h-86z" fill="#c62828"/><rect x="618" y="140" width="64" height="44" fill="#ffe082"/><path d="M618 150L0 60v130z" fill="#ffe082" opacity=".35"/><rect y="380" width="854" height="100" fill="#12303f"/>',
        mover: { ...boat, y: 335, speed: 70 },
      },
    ],
  },
  {
    file: 'kitchen.mp4',
    videoId: 'sample-kitchen',
    source: 'ugc',
    title: '番茄炒蛋的家常做法',
    description: '三分钟学会一道家常菜。',
    tags: ['美食', '家常菜'],
    language: 'zh-Hans',
    sound: 'chords',
    shots: [
      {
        ...{ seconds: 4, sky: ['#fff3e0', '#ffcc80'], caption: 'tomato' },
        shapes:
          '<g fill="#e53935"><circle cx="230" cy="230" r="80"/><circle cx="430" cy="250" r="90"/><circle cx="640" cy="225" r="75"/></g><g fill="#2e7d32"><path d="M200 160l30-24 30 24-30 12z"/><path d="M396 170l34-28 34 28-34 14z"/><path d="M612 160l28-24 28 24-28 12z"/></g>',
        mover: { ...egg, y: 60, speed: 120 },
      },
      {
        ...{ seconds: 4, sky: ['#37474f', '#78909c'], caption: 'eggs' },
        shapes:
          '<ellipse cx="427" cy="250" rx="250" ry="120" fill="#eceff1"/><ellipse cx="427" cy="240" rx="200" ry="84" fill="#ffca28"/>',
        mover: { ...egg, y: 40, speed: 90 },
      },
      {
        ...{ seconds: 4, sky: ['#4e342e', '#8d6e63'], caption: 'serve' },
        shapes:
          '<ellipse cx="427" cy="260" rx="280" ry="110" fill="#fff"/><ellipse cx="427" cy="250" rx="210" ry="76" fill="#ff7043"/><g fill="#ffd54f"><circle cx="340" cy="240" r="34"/><circle cx="450" cy="262" r="40"/><circle cx="530" cy="236" r="30"/></g>',
        mover: { ...sun, y: 30, speed: 60 },
      },
    ],
  },
  {
    file: 'solar.mp4',
    videoId: 'sample-solar',
    source: 'ogc',
    title: 'Power from the roof',
    description: 'A short explanation, read aloud.',
    tags: ['science'],
    language: 'en',
    sound: 'speech',
    shots: [
      {
        ...{ seconds: 3.5, sky: ['#1565c0', '#90caf9'], caption: 'solar', captionAt: 0.5 },
        shapes: '',
        mover: { ...sun, y: 20, speed: 80 },
      },
      {
        ...{ seconds: 3.5, sky: ['#ffb74d', '#fff3e0'], caption: null },
        shapes:
          '<path d="M150 440V250l277-150 277 150v190z" fill="#a1887f"/><path d="M430 118l250 136-60 10-240-128z" fill="#1a237e"/><g stroke="#9fa8da" stroke-width="3"><path d="M470 140l-20 6M520 168l-20 8M570 195l-20 8M620 222l-20 8"/></g>',
        mover: { ...sun, y: 20, speed: 60 },
      },
    ],
  },
  {
    file: 'newyear.mp4',
    videoId: 'sample-newyear',
    source: 'ugc',
    title: 'Winter greetings',
    description: 'A card without sound.',
    tags: ['holiday'],
    language: 'en',
    sound: null,
    shots: [
      {
        ...{ seconds: 3, sky: ['#b71c1c', '#e53935'], caption: 'newyear', captionAt: 0.5 },
        shapes: '<g fill="#ffd54f"><circle cx="120" cy="110" r="46"/><circle cx="734" cy="110" r="46"/></g>',
        mover: { ...flakes, y: 360, speed: 100 },
      },
      {
        ...{ seconds: 3, sky: ['#90a4ae', '#eceff1'], caption: 'snow' },
        shapes:
          '<path d="M60 470L300 120l170 240 90-120 240 230z" fill="#546e7a"/><path d="M300 120l64 90-40-16-26 22-30-24-34 26z" fill="#fff"/>',
        mover: { ...flakes, y: 60, speed: 80 },
      },
    ],
  },
];

/** One is said, one shown in English, one shown in Chinese. */
export const SAMPLE_QUESTIONS = ['storm warning', '番茄炒蛋', 'sunlight into electricity'] as const;
