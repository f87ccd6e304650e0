/** The flow at a glance: what became of the videos, what waits where, what failed. */
import { LANES } from '../../shared/contracts/common.ts';
import { INTAKE_TOPICS } from '../../workers/runtime/intake.ts';
import type { FailingVideo, Flow, StageFlow, TopicFlow } from '../flow.ts';
import { type Html, type HtmlValue, html } from './html.ts';
import { clockTime, document, duration, type Frame, head, videoLink } from './layout.ts';

const REFRESH_SEC = 10;

/** @param live whether a browser asks for it anew by itself; people can stop that, to read on */
export function flowPage(flow: Flow, frame: Frame, live: boolean): string {
  const { topics, stages, videos, counted, failing, letters } = flow;
  const waiting = stages.reduce((sum, stage) => sum + stage.waiting + stage.delayed, 0);
  const lag = topics.reduce((sum, topic) => sum + (topic.lag ?? 0), 0);
  const { indexed = 0, partial = 0, failed = 0, working = 0 } = videos;
  return document(
    'Cinedex: flow',
    html`${head(frame, '/')}
<main>
<h1>Flow</h1>
<div class="tiles">
${tile('Indexed', indexed, indexed > 0 ? 'good' : '')}
${tile('Partial', partial, partial > 0 ? 'warn' : '', '#failing')}
${tile('Failed', failed, failed > 0 ? 'bad' : '', '#failing')}
${tile('At work', working, '')}
${tile('Events not taken', lag, '', '#topics')}
${tile('Jobs waiting', waiting, '', '#stages')}
${tile('Dead letters', letters, letters > 0 ? 'warn' : '', '/dead-letters')}
</div>
<p class="soft small">As of ${clockTime(flow.at)}${
      live
        ? html`, anew every ${REFRESH_SEC} s (<a href="/?live=no">stop</a>).`
        : html`; <a href="/">keep it up to date</a>.`
    }
${counted.all ? 'Videos' : `The first ${counted.videos} videos`} were counted at ${clockTime(counted.at)}.
The same for programs: <a href="/api/status">/api/status</a>.</p>
<h2 id="stages">Stages</h2>
<div class="wide cards four"><table><thead><tr><th>Stage</th><th>After</th><th class="n">Waiting</th><th class="n">Delayed</th>
<th class="n">At work</th><th class="n">Oldest</th><th class="n">Done</th><th class="n">Skipped</th><th class="n">Failed</th></tr></thead><tbody>
${stages.map(stageRow)}
</tbody></table></div>
<h2 id="topics">Topics</h2>
<div class="wide"><table><thead><tr><th>Topic</th><th class="n">Events</th><th class="n">Not taken</th></tr></thead><tbody>
${topics.map(topicRow)}
</tbody></table></div>
<h2 id="failing">Videos with failures</h2>
${
  failing.length === 0
    ? html`<p class="soft">None.</p>`
    : html`<div class="wide cards"><table><thead><tr><th>Video</th><th>State</th><th>Stage</th><th>Cause</th></tr></thead><tbody>
${failing.map(failingRow)}
</tbody></table></div>`
}
</main>`,
    live ? REFRESH_SEC : 0,
  );
}

function tile(title: string, value: number, mood: string, to?: string): Html {
  const inside = html`<b class="${mood}">${value}</b><span class="soft">${title}</span>`;
  return to !== undefined && value > 0
    ? html`<a class="tile" href="${to}">${inside}</a>`
    : html`<div class="tile">${inside}</div>`;
}

function topicRow({ name, records, lag }: TopicFlow): Html {
  const forIntake = INTAKE_TOPICS.some((topic) => topic === name);
  return html`<tr><th><code>${name}</code></th><td class="n">${records}</td>
<td class="n ${lag ? 'warn' : 'soft'}">${forIntake ? (lag ?? 0) : '–'}</td></tr>`;
}

function stageRow({ name, needs, waiting, delayed, active, lanes, steps, codes }: StageFlow): Html {
  const inLanes = LANES.flatMap((lane) => {
    const depth = lanes[lane];
    return depth ? [{ lane, ...depth }] : [];
  });
  const number = (is: string, value: HtmlValue, mood = '') =>
    html`<td class="n ${mood}" data-is="${is}">${value}</td>`;
  const failed = steps.failed ?? 0;
  const depths = inLanes.map((depth) => html`<div class="small">${depth.lane} ${depth.waiting}</div>`);
  const ages = inLanes.map(({ lane, oldestSec }) => html`<div>${lane} ${duration(oldestSec)}</div>`);
  return html`<tr><th>${name}</th><td class="soft all">${needs.join(', ')}</td>
${number('Waiting', [String(waiting), html`${depths}`], waiting > 0 ? 'warn' : '')}${number('Delayed', delayed)}${number('At work', active)}
${number('Oldest', ages.length > 0 ? ages : '–')}${number('Done', (steps.done ?? 0) + (steps.partial ?? 0))}${number('Skipped', steps.skipped ?? 0)}
<td class="n rest ${failed > 0 ? 'bad' : ''}" data-is="Failed">${failed}
${Object.entries(codes).map(([code, count]) => html`<div class="small"><code>${code}</code> ${count}</div>`)}</td></tr>`;
}

function failingRow({ tenant, videoId, title, state, stage, code, message }: FailingVideo): Html {
  return html`<tr><th>${videoLink(tenant, videoId, title)}<div class="soft small"><code>${tenant}/${videoId}</code></div></th>
<td data-is="State" class="${state === 'failed' ? 'bad' : 'warn'}">${state}</td><td data-is="Stage">${stage}</td>
<td class="all"><code>${code}</code><div class="small">${message.slice(0, 200)}</div></td></tr>`;
}
