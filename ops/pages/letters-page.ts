/** The dead letters: each with its cause and hint, to be replayed or dropped. */
import type { ListedDeadLetter } from '../dead-letters/index.ts';
import { Html, html } from './html.ts';
import { clockTime, document, type Frame, head, videoLink } from './layout.ts';

export interface LettersView {
  /** What is shown: the newest. */
  letters: readonly ListedDeadLetter[];
  /** How many wait in all, whatever is shown. */
  waiting: number;
  filter: { stage?: string; handled: boolean };
  /** All stages that letters can be of. */
  stages: readonly string[];
  /** What a replay or a drop has done; null when the page is only looked at. */
  note: string | null;
}

export function lettersPage(view: LettersView, frame: Frame): string {
  const { letters, waiting, filter, stages, note } = view;
  const chip = (text: string, stage: string | undefined, handled: boolean) => {
    const query = new URLSearchParams({ ...(stage && { stage }), ...(handled && { handled: 'true' }) });
    const here = stage === filter.stage && handled === filter.handled;
    return html`<a href="/dead-letters${query.size > 0 && `?${query}`}"${here && new Html(' aria-current="true"')}>${text}</a>`;
  };
  return document(
    'Cinedex: dead letters',
    html`${head(frame, '/dead-letters')}
<main>
<h1>Dead letters</h1>
${note !== null && html`<p class="note" role="status">${note}</p>`}
<p class="soft">What failed for good: events that were refused, and stages that gave up. ${waiting} wait${waiting === 1 && 's'} for somebody.
Mend the cause, then replay: a stage runs again, a refused event goes back to its topic. Drop what needs nothing; it stays on the log.</p>
<div class="chips" role="group" aria-label="Which">${chip('All that wait', undefined, false)}
${['intake', ...stages].map((stage) => chip(stage, stage, false))}${chip('Also handled', undefined, true)}</div>
${letters.length === 0 ? html`<p class="soft">None${filter.stage && ` of ${filter.stage}`}.</p>` : table(letters)}
</main>`,
  );
}

const BUTTONS = html`<div class="bar"><button class="act">Replay the chosen</button>
<button class="act" formaction="/dead-letters/drop">Drop the chosen</button></div>`;

function table(letters: readonly ListedDeadLetter[]): Html {
  return html`<form class="letters" method="post" action="/dead-letters/replay">
${letters.some(({ handled }) => handled === null) && BUTTONS}
<div class="wide cards"><table><thead><tr><th>Choose</th><th>Cause</th><th>Stage</th><th>Video</th><th>Written</th></tr></thead><tbody>
${letters.map(row)}
</tbody></table></div></form>`;
}

function row(letter: ListedDeadLetter): Html {
  const { id, code, reason, hint, stage, attempts, tenant, videoId, at, handled } = letter;
  return html`<tr><td class="all">${
    handled
      ? html`<span class="soft small">${handled.action}</span>`
      : html`<input type="checkbox" name="id" value="${id}" aria-label="Choose ${id.slice(0, 12)}">`
  }</td>
<td class="all"><code>${code}</code><div>${reason.slice(0, 400)}</div><div class="soft small">${hint}</div>
${handled?.note && html`<div class="small">${handled.action} ${clockTime(handled.at)}: ${handled.note}</div>`}
<details class="small"><summary>The event</summary>${eventOf(letter)}</details></td>
<td data-is="Stage">${stage}<div class="soft small time">${attempts} attempt${attempts !== 1 && 's'}</div></td>
<td data-is="Video">${
    tenant !== null && videoId !== null ? videoLink(tenant, videoId, `${tenant}/${videoId}`) : '(none)'
  }</td>
<td data-is="Written"><time class="small">${clockTime(at)}</time></td></tr>`;
}

function eventOf({ id, origin, original, originalLength }: ListedDeadLetter): Html {
  const place = origin
    ? `${origin.topic}, partition ${origin.partition}, offset ${origin.offset}`
    : 'never on a topic';
  return html`<p>Letter <code>${id}</code>; its event: ${place}.</p><pre>${original}${
    originalLength !== undefined && `\n… (${originalLength} characters in all)`
  }</pre>`;
}
