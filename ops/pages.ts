/** The operators' pages, made on the server: the flow at a glance, and the sign-in. No scripts. */
import { createHash } from 'node:crypto';
import { LANES } from '../shared/contracts/common.ts';
import type { Flow, StageFlow } from './flow.ts';
import { Html, type HtmlValue, html } from './html.ts';

const STYLE = `
:root{color-scheme:light dark;--ink:light-dark(#1b1f24,#e6e9ed);--soft:light-dark(#5b6570,#9aa5b1);
--line:light-dark(#d9dee4,#333b44);--page:light-dark(#f7f8fa,#14181c);--card:light-dark(#fff,#1c2228);
--good:light-dark(#17693a,#6fd196);--warn:light-dark(#8a5300,#f0b860);--bad:light-dark(#a81e22,#ff9492);--link:light-dark(#0b5cad,#7db8ff)}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
header,main{max-width:72rem;margin:0 auto;padding:.75rem 1rem}
header{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;align-items:baseline}
h1{font-size:1.25rem;margin:0}h2{font-size:1rem;margin:1.5rem 0 .5rem}
a{color:var(--link)}nav{display:flex;gap:1rem;margin-left:auto;align-items:baseline}
nav form{margin:0}nav button{all:unset;color:var(--link);text-decoration:underline;cursor:pointer}
nav button:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.soft{color:var(--soft)}.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.5rem}
.tile{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.5rem .75rem}
.tile b{display:block;font-size:1.4rem;font-weight:600;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:.5rem}
table{border-collapse:collapse;width:100%}
th,td{padding:.4rem .75rem;text-align:left;vertical-align:top;border-top:1px solid var(--line)}
thead th{border-top:0;font-weight:600;color:var(--soft);font-size:.85rem;white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
tbody th{font-weight:600}code{font-size:.9em}.codes{font-size:.85rem}
.narrow{max-width:22rem;margin:12vh auto;padding:1rem}
.narrow label{display:block;margin:.75rem 0}
.narrow input{width:100%;padding:.5rem;font:inherit;border:1px solid var(--line);border-radius:.4rem}
.narrow button{width:100%;padding:.6rem;font:inherit;font-weight:600;border:0;border-radius:.4rem;background:var(--link);color:var(--page)}
@media(max-width:40rem){nav{margin-left:0}.cards thead{position:absolute;left:-99rem}
.cards tr{display:grid;grid-template-columns:repeat(3,1fr);border-top:1px solid var(--line);padding:.4rem .25rem}
.cards th,.cards td,.cards td.n{border:0;padding:.15rem .5rem;text-align:left;white-space:normal;min-width:0;overflow-wrap:anywhere}
.cards tbody th,.cards .all{grid-column:1/-1}.cards td[data-is]::before{content:attr(data-is);display:block;color:var(--soft);font-size:.75rem}}
`;

/** What a browser may do with these pages: show them. */
export const PAGE_HEADERS: Record<string, string> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

const REFRESH_SEC = 10;

function page(title: string, body: Html, refresh = false): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
${refresh && html`<meta http-equiv="refresh" content="${REFRESH_SEC}">`}<title>${title}</title>${STYLE_ELEMENT}</head>
<body>${body}</body></html>`.text;
}

// The style's hash is in the policy, so it is put in as it is.
const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);

export function signInPage(message: string | null): string {
  return page(
    'Cinedex: sign in',
    html`<main class="narrow"><h1>Cinedex operations</h1>
${message !== null && html`<p class="bad" role="alert">${message}</p>`}
<form method="post" action="/login">
<label>User<input name="user" autocomplete="username" required autofocus></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button></form></main>`,
  );
}

export function statusPage(flow: Flow, options: { signedIn: boolean }): string {
  const { topics, stages, videos, counted, failing } = flow;
  const waiting = stages.reduce((sum, stage) => sum + stage.waiting + stage.delayed, 0);
  const lag = topics.reduce((sum, topic) => sum + (topic.lag ?? 0), 0);
  const letters = topics.find(({ name }) => name === 'videos.dlq')?.records ?? 0;
  return page(
    'Cinedex: flow',
    html`<header><h1>Cinedex</h1><span class="soft">${clockTime(flow.at)}, anew every ${REFRESH_SEC} s</span>
<nav><a href="/queues">Queues</a><a href="/metrics">Metrics</a><a href="/api/status">JSON</a>
${options.signedIn && html`<form method="post" action="/logout"><button>Sign out</button></form>`}</nav></header>
<main>
<div class="tiles">
${tile('Indexed', videos.indexed ?? 0, 'good')}
${tile('Partial', videos.partial ?? 0, videos.partial ? 'warn' : '')}
${tile('Failed', videos.failed ?? 0, videos.failed ? 'bad' : '')}
${tile('At work', videos.working ?? 0, '')}
${tile('Events not taken', lag, '')}
${tile('Jobs waiting', waiting, '')}
${tile('Dead letters', letters, letters > 0 ? 'warn' : '')}
</div>
${!counted.all && html`<p class="soft">Videos are counted over the first ${counted.videos}.</p>`}
<h2>Topics</h2>
<div class="wide"><table><thead><tr><th>Topic</th><th class="n">Events</th><th class="n">Not taken</th></tr></thead><tbody>
${topics.map(
  ({ name, records, lag: behind }) => html`<tr><th><code>${name}</code></th><td class="n">${records}</td>
<td class="n ${behind ? 'warn' : 'soft'}">${behind ?? '–'}</td></tr>`,
)}
</tbody></table></div>
<h2>Stages</h2>
<div class="wide cards"><table><thead><tr><th>Stage</th><th>After</th><th class="n">Waiting</th><th class="n">Delayed</th>
<th class="n">At work</th><th class="n">Oldest</th><th class="n">Done</th><th class="n">Skipped</th><th class="n">Failed</th></tr></thead><tbody>
${stages.map(stageRow)}
</tbody></table></div>
<h2>Videos with failures</h2>
${
  failing.length === 0
    ? html`<p class="good">None.</p>`
    : html`<div class="wide cards"><table><thead><tr><th>Video</th><th>State</th><th>Stage</th><th>Cause</th></tr></thead><tbody>
${failing.map(
  (
    video,
  ) => html`<tr><th><a href="/api/videos/${encodeURIComponent(video.videoId)}?tenant=${encodeURIComponent(video.tenant)}">${video.title}</a>
<div class="soft codes">${video.tenant}/${video.videoId}</div></th>
<td data-is="State" class="${video.state === 'failed' ? 'bad' : 'warn'}">${video.state}</td><td data-is="Stage">${video.stage}</td>
<td class="all"><code>${video.code}</code><div class="codes">${video.message.slice(0, 200)}</div></td></tr>`,
)}
</tbody></table></div>`
}
</main>`,
    true,
  );
}

function tile(title: string, value: number, mood: string): Html {
  return html`<div class="tile"><b class="${mood}">${value}</b><span class="soft">${title}</span></div>`;
}

function stageRow({ name, needs, waiting, delayed, active, oldestSec, steps, codes }: StageFlow): Html {
  const ages = LANES.filter((lane) => oldestSec[lane] !== undefined).map(
    (lane) => html`<div>${lane} ${duration(oldestSec[lane]!)}</div>`,
  );
  const number = (is: string, value: HtmlValue, mood = '') =>
    html`<td class="n ${mood}" data-is="${is}">${value}</td>`;
  const failed = steps.failed ?? 0;
  return html`<tr><th>${name}</th><td class="soft all">${needs.join(', ')}</td>
${number('Waiting', waiting, waiting > 0 ? 'warn' : '')}${number('Delayed', delayed)}${number('At work', active)}
${number('Oldest', ages.length > 0 ? ages : '–')}${number('Done', (steps.done ?? 0) + (steps.partial ?? 0))}${number('Skipped', steps.skipped ?? 0)}
<td class="n ${failed > 0 ? 'bad' : ''}" data-is="Failed">${failed}
${Object.entries(codes).map(([code, count]) => html`<div class="codes"><code>${code}</code> ${count}</div>`)}</td></tr>`;
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}

function clockTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
