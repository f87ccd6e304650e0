/** What all operators' pages share: the frame, the style, the headers. They are made on the server and need no script. */
import { createHash } from 'node:crypto';
import { Html, type HtmlValue, html } from './html.ts';

const STYLE = `
:root{color-scheme:light dark;--ink:light-dark(#1b1f24,#e6e9ed);--soft:light-dark(#5b6570,#9aa5b1);
--line:light-dark(#d9dee4,#333b44);--page:light-dark(#f7f8fa,#14181c);--card:light-dark(#fff,#1c2228);
--good:light-dark(#17693a,#6fd196);--warn:light-dark(#8a5300,#f0b860);--bad:light-dark(#a81e22,#ff9492);--link:light-dark(#0b5cad,#7db8ff)}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
header,main{max-width:76rem;margin:0 auto;padding:.75rem 1rem}
header{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;align-items:baseline}
main{padding-bottom:3rem}
.brand{font-weight:700;font-size:1.1rem;color:var(--ink);text-decoration:none}
h1{font-size:1.35rem;margin:.25rem 0 .75rem;overflow-wrap:anywhere}h2{font-size:1rem;margin:1.75rem 0 .5rem}
a{color:var(--link)}nav{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;align-items:baseline;flex:1}
nav a{text-decoration:none;padding:.15rem 0}nav a:hover{text-decoration:underline}
nav a[aria-current]{color:var(--ink);border-bottom:2px solid var(--link)}
nav form{margin:0 0 0 auto}nav button{all:unset;color:var(--link);cursor:pointer}nav button:hover{text-decoration:underline}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.soft{color:var(--soft)}.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.5rem}
.tile{display:block;background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.5rem .75rem;color:inherit;text-decoration:none}
a.tile:hover{border-color:var(--link)}
.tile b{display:block;font-size:1.4rem;font-weight:600;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:.5rem}
table{border-collapse:collapse;width:100%}
th,td{padding:.4rem .75rem;text-align:left;vertical-align:top;border-top:1px solid var(--line)}
thead th{border-top:0;font-weight:600;color:var(--soft);font-size:.85rem;white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
tbody th{font-weight:600}.time{white-space:nowrap}code{font-size:.9em;overflow-wrap:anywhere}.small{font-size:.85rem}
pre{margin:.5rem 0 0;padding:.6rem .75rem;background:var(--page);border:1px solid var(--line);border-radius:.4rem;font-size:.8rem;white-space:pre-wrap;overflow-wrap:anywhere;max-height:20rem;overflow:auto}
summary{cursor:pointer;color:var(--link)}
.note{margin:0 0 .75rem;padding:.5rem .75rem;border:1px solid var(--line);border-left:4px solid var(--link);border-radius:.4rem;background:var(--card)}
.bar{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center;margin:.75rem 0}
button.act{font:inherit;padding:.35rem .9rem;border:1px solid var(--link);border-radius:.4rem;background:var(--card);color:var(--link);cursor:pointer}
button.act:hover{background:var(--link);color:var(--page)}
.letters{margin-top:.75rem}.chips{display:flex;flex-wrap:wrap;gap:.4rem}
.chips a{padding:.15rem .7rem;border:1px solid var(--line);border-radius:1rem;background:var(--card);text-decoration:none}
.chips a[aria-current]{border-color:var(--link);font-weight:600}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1.25rem;margin:0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
input[type=checkbox]{width:1.1rem;height:1.1rem;accent-color:var(--link);margin:.15rem 0 0}
.narrow{max-width:22rem;margin:12vh auto;padding:1rem}
.narrow label{display:block;margin:.75rem 0}
.narrow input{width:100%;padding:.5rem;font:inherit;color:var(--ink);background:var(--card);border:1px solid var(--line);border-radius:.4rem}
.narrow button{width:100%;padding:.6rem;font:inherit;font-weight:600;border:0;border-radius:.4rem;background:var(--link);color:var(--page);cursor:pointer}
@media(max-width:44rem){.cards thead{position:absolute;left:-99rem}.cards table,.cards tbody{display:block}
.cards tr{display:grid;grid-template-columns:repeat(3,1fr);border-top:1px solid var(--line);padding:.5rem .25rem}
.cards tr:first-child{border-top:0}
.cards th,.cards td,.cards td.n{border:0;padding:.15rem .5rem;text-align:left;white-space:normal;min-width:0;overflow-wrap:anywhere}
.cards tbody th,.cards .all{grid-column:1/-1}.four tr{grid-template-columns:repeat(4,1fr)}.four .rest{grid-column:auto/span 2}.cards td[data-is]::before{content:attr(data-is);display:block;color:var(--soft);font-size:.75rem}
nav{flex-basis:100%;column-gap:.65rem}dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}
`;

/** What a browser may do with these pages: show them, and send their forms back. */
export const PAGE_HEADERS: Record<string, string> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

// The style's hash is in the policy, so it is put in as it is.
const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);

/** A whole document. @param refreshSec after how many seconds a browser asks anew; 0: never */
export function document(title: string, body: Html, refreshSec = 0): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
${refreshSec > 0 && html`<meta http-equiv="refresh" content="${refreshSec}">`}<title>${title}</title>${STYLE_ELEMENT}</head>
<body>${body}</body></html>`.text;
}

export interface Frame {
  /** Whether a person can sign out. */
  signedIn: boolean;
  /** Whether there is a page of queues. */
  queues: boolean;
}

/** The head of each page, with the ways to the others. */
export function head({ signedIn, queues }: Frame, here: '/' | '/dead-letters' | null): Html {
  const link = (to: string, text: string) =>
    html`<a href="${to}"${to === here && new Html(' aria-current="page"')}>${text}</a>`;
  return html`<header><a class="brand" href="/">Cinedex</a><nav aria-label="Pages">${link('/', 'Flow')}
${link('/dead-letters', 'Dead letters')}${queues && link('/queues', 'Queues')}${link('/metrics', 'Metrics')}
${signedIn && html`<form method="post" action="/logout"><button>Sign out</button></form>`}</nav></header>`;
}

export function videoLink(tenant: string, videoId: string, text: HtmlValue): Html {
  return html`<a href="/videos/${encodeURIComponent(videoId)}?tenant=${encodeURIComponent(tenant)}">${text}</a>`;
}

/** `90 s`, `12 min`, `5 h`, `3 d` */
export function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/** `2025-01-31 12:30:05 UTC` */
export function clockTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
