/** One video: how far each stage is with it, and what can be done. */
import type { StepState, VideoRecord } from '../../shared/ports/ledger.ts';
import type { VideoState } from '../../workers/runtime/video-state.ts';
import { type Html, html } from './html.ts';
import { clockTime, document, type Frame, head } from './layout.ts';

const MOODS: Partial<Record<VideoState | StepState['status'], string>> = {
  indexed: 'good',
  partial: 'warn',
  failed: 'bad',
};

/** @param note what a retry has done; null when the page is only looked at */
export function videoPage(
  video: VideoRecord & { state: VideoState },
  note: string | null,
  frame: Frame,
): string {
  const { tenant, videoId, metadata, state, source, lane, revision, media, origin, steps, backfill } = video;
  const query = `tenant=${encodeURIComponent(tenant)}`;
  const statuses = Object.values(steps).map(({ status }) => status);
  return document(
    `Cinedex: ${metadata.title}`,
    html`${head(frame, null)}
<main>
<h1>${metadata.title}</h1>
${note !== null && html`<p class="note" role="status">${note}</p>`}
<dl>
<dt>State</dt><dd class="${MOODS[state]}">${state}</dd>
<dt>Video</dt><dd><code>${tenant}/${videoId}</code>, revision ${revision}</dd>
<dt>Source</dt><dd>${source}, lane ${lane}${backfill && `, in backfill ${backfill.id}`}</dd>
<dt>Media</dt><dd><code>${media.uri}</code></dd>
<dt>Event</dt><dd>${origin ? `${origin.topic}, partition ${origin.partition}, offset ${origin.offset}` : '–'}</dd>
<dt>Everything</dt><dd><a href="/api/videos/${encodeURIComponent(videoId)}?${query}">as JSON</a></dd>
</dl>
${
  (statuses.includes('failed') || statuses.includes('partial')) &&
  html`<form class="bar" method="post" action="/videos/${encodeURIComponent(videoId)}/retry?${query}">
<button class="act">Run what failed again</button></form>`
}
<h2>Stages</h2>
<div class="wide cards"><table><thead><tr><th>Stage</th><th>Status</th><th class="n">Attempts</th><th class="n">Took</th><th>Since</th><th>What is missing, or why</th></tr></thead><tbody>
${Object.entries(steps).map(([name, step]) => stepRow(name, step))}
</tbody></table></div>
</main>`,
  );
}

function stepRow(name: string, step: StepState): Html {
  const { status, attempts, durationMs, since, reused, error, missing } = step;
  const took =
    durationMs === undefined ? '–' : `${(durationMs / 1_000).toFixed(durationMs < 10_000 ? 1 : 0)} s`;
  return html`<tr><th>${name}</th><td data-is="Status" class="${MOODS[status]}">${status}${reused && ' (found)'}</td>
<td class="n" data-is="Attempts">${attempts}</td><td class="n" data-is="Took">${took}</td>
<td class="all small">${clockTime(since)}</td><td class="all">${
    error &&
    html`<code>${error.code}</code><div>${error.message.slice(0, 400)}</div><div class="soft small">${error.hint}</div>`
  }${missing && missing.length > 0 && html`<span class="soft">${missing.join(', ')}</span>`}</td></tr>`;
}
