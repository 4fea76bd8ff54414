// Dead letters: where those of this queue go, whose come here, and tasks that move them back.

import { html, useState } from "./htm-preact-standalone.js";
import { get, post } from "./api.js";
import { ago, plural, whole } from "./format.js";
import { href, useAction, usePolling } from "./hooks.js";
import { Choice, ErrorNote, Field, useId } from "./parts.js";

const REFRESH_SECONDS = 1;

export function Redrive({ data, onChanged }) {
  return html`<div class="two"><${Policy} data=${data} onChanged=${onChanged} /><${Incoming} data=${data} onChanged=${onChanged} /></div>`;
}

function policyOf(data) {
  const text = data.attributes.RedrivePolicy;
  if (!text) return null;
  const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(text);
  return { arn: deadLetterTargetArn, name: deadLetterTargetArn.split(":").at(-1), count: maxReceiveCount };
}

// Names of queues for an input, as the text in it goes on.
function useNames(text) {
  const { data } = usePolling(given => get("queues", { search: text, limit: 20 }, given), 0, [text], { keeps: true });
  return data ? data.queues.map(one => one.name) : [];
}

function QueueField({ label, value, onInput, hint }) {
  const id = useId();
  const names = useNames(value);
  return html`<${Field} label=${label} value=${value} onInput=${onInput} hint=${hint} isCode=${true} list=${id} required />
    <datalist id=${id}>${names.map(name => html`<option value=${name} key=${name} />`)}</datalist>`;
}

function Policy({ data, onChanged }) {
  const now = policyOf(data);
  const [isEdited, setEdited] = useState(false);
  const [target, setTarget] = useState(now?.name ?? "");
  const [count, setCount] = useState(String(now?.count ?? 5));
  const set = useAction(async value => {
    await post("SetQueueAttributes", { QueueUrl: data.name, Attributes: { RedrivePolicy: value } });
    setEdited(false);
    onChanged(value ? "Saved the dead-letter queue" : "Removed the dead-letter queue");
  });
  const submit = event => {
    event.preventDefault();
    const arn = data.attributes.QueueArn.split(":").slice(0, -1).concat(target).join(":");
    set.run(JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: /^\d+$/.test(count) ? Number(count) : count }));
  };
  const zaqarOnly = !now && data.deadLetterQueue;
  return html`<section class="card" aria-labelledby="outgoing"><h2 id="outgoing">Dead letters of this queue</h2>
    ${now ? html`<p>A message that was received ${plural(now.count, "time")} without being deleted goes to <a href=${href("queues", now.name, "redrive")}>${now.name}</a>.</p>`
      : zaqarOnly ? html`<p>Zaqar names <code>${data.deadLetterQueue}</code> as dead-letter queue, without a number of claims: nothing goes there.</p>`
      : html`<p>No dead-letter queue: a message that no consumer can handle is received again and again until it expires.</p>`}
    ${isEdited ? html`<form onSubmit=${submit}>
        <${QueueField} label="Dead-letter queue" value=${target} onInput=${setTarget} hint=${data.attributes.FifoQueue ? "It must be a FIFO queue too." : null} />
        <${Field} label="Receives before a message goes there" value=${count} onInput=${setCount} inputmode="numeric" required />
        <${ErrorNote} problem=${set.problem} title="Nothing was changed" />
        <div class="buttons"><button type="button" onClick=${() => { setEdited(false); set.clear(); }}>Cancel</button><button class="primary" disabled=${set.isBusy}>Save</button></div></form>`
      : html`<${ErrorNote} problem=${set.problem} title="Nothing was changed" /><div class="buttons start"><button onClick=${() => setEdited(true)}>${now ? "Change" : "Set a dead-letter queue"}</button>
        ${now ? html`<button class="plain" disabled=${set.isBusy} onClick=${() => set.run("")}>Remove</button>` : null}</div>`}
  </section>`;
}

function Incoming({ data, onChanged }) {
  const { sources } = data;
  return html`<section class="card" aria-labelledby="incoming"><h2 id="incoming">Dead letters that come here</h2>
    ${sources.length ? html`<p>From ${plural(sources.length, "queue")}:</p>
        <ul class="names">${sources.slice(0, 100).map(name => html`<li key=${name}><a href=${href("queues", name, "redrive")}>${name}</a></li>`)}</ul>
        <${Tasks} data=${data} onChanged=${onChanged} />`
      : html`<p>This is no dead-letter queue: no queue of this account and region sends its dead letters here.</p>`}
  </section>`;
}

function Tasks({ data, onChanged }) {
  const [where, setWhere] = useState("back");
  const [target, setTarget] = useState("");
  const [perSecond, setPerSecond] = useState("");
  const arn = data.attributes.QueueArn;
  const { data: tasks, problem, refresh } = usePolling(
    given => post("ListMessageMoveTasks", { SourceArn: arn, MaxResults: 10 }, {}, given), REFRESH_SECONDS, [arn]);
  const start = useAction(async () => {
    const asked = { SourceArn: arn };
    if (where === "other") asked.DestinationArn = arn.split(":").slice(0, -1).concat(target).join(":");
    if (perSecond) asked.MaxNumberOfMessagesPerSecond = /^\d+$/.test(perSecond) ? Number(perSecond) : perSecond;
    await post("StartMessageMoveTask", asked);
    onChanged("Started to move the dead letters");
    refresh();
  });
  const cancel = useAction(async handle => { await post("CancelMessageMoveTask", { TaskHandle: handle }); refresh(); });
  const submit = event => { event.preventDefault(); start.run(); };
  const number = Number(data.attributes.ApproximateNumberOfMessages);
  return html`<h3>Redrive</h3>
    <form onSubmit=${submit}>
      <${Choice} label="Move the visible messages" value=${where} onInput=${setWhere} choices=${[["back", "back to the queues they came from"], ["other", "to another queue"]]} />
      ${where === "other" ? html`<${QueueField} label="Destination" value=${target} onInput=${setTarget} />` : null}
      <${Field} label="Messages per second" value=${perSecond} onInput=${setPerSecond} inputmode="numeric" hint="Empty: as fast as possible." />
      <${ErrorNote} problem=${start.problem} title="Nothing was moved" />
      <div class="buttons start"><button class="primary" disabled=${start.isBusy || !number}>Move ${plural(number, "message")}</button></div>
    </form>
    <${ErrorNote} problem=${problem ?? cancel.problem} title="The tasks cannot be shown" />
    ${tasks?.Results?.length ? html`<h3>Tasks</h3><ul class="tasks" aria-live="polite">${tasks.Results.map(one => html`<${Task} one=${one} onCancel=${cancel.run} key=${one.StartedTimestamp} />`)}</ul>` : null}`;
}

const NAMES = { RUNNING: "running", COMPLETED: "completed", CANCELLING: "being cancelled", CANCELLED: "cancelled", FAILED: "failed" };

function Task({ one, onCancel }) {
  const moved = one.ApproximateNumberOfMessagesMoved ?? 0;
  const all = one.ApproximateNumberOfMessagesToMove ?? 0;
  const to = one.DestinationArn ? one.DestinationArn.split(":").at(-1) : "the queues they came from";
  return html`<li><div class="task-head"><span class="badge ${one.Status === "FAILED" ? "alarm" : ""}">${NAMES[one.Status] ?? one.Status}</span>
      <span>${whole(moved)} of ${plural(all, "message")} to ${to}</span><span class="when">${ago(one.StartedTimestamp, Date.now())}</span></div>
    <progress max=${Math.max(all, 1)} value=${one.Status === "COMPLETED" ? Math.max(all, 1) : moved} aria-label="Messages moved"></progress>
    ${one.FailureReason ? html`<p class="problem">${one.FailureReason}</p>` : null}
    ${one.TaskHandle ? html`<button class="small" onClick=${() => onCancel(one.TaskHandle)}>Cancel task</button>` : null}</li>`;
}
