// The attributes and tags of a queue, and forms that change them. The service checks what is entered.

import { html, useState } from "./htm-preact-standalone.js";
import { post } from "./api.js";
import { duration, moment } from "./format.js";
import { useAction } from "./hooks.js";
import { Choice, ErrorNote, Field } from "./parts.js";

const NUMBERS = [
  ["VisibilityTimeout", "Visibility timeout", "seconds", "Time for which a received message stays in flight."],
  ["MessageRetentionPeriod", "Retention", "seconds", "A message that is older is deleted."],
  ["DelaySeconds", "Delay", "seconds", "Time until a new message becomes visible."],
  ["ReceiveMessageWaitTimeSeconds", "Wait of a receive", "seconds", "How long an empty receive waits for messages."],
  ["MaximumMessageSize", "Maximum message size", "bytes", "Body and attributes together."],
];
const FLAG = [["true", "On"], ["false", "Off"]];
const CHOICES = [
  ["ContentBasedDeduplication", "Content-based deduplication", FLAG],
  ["DeduplicationScope", "Deduplication scope", [["queue", "queue"], ["messageGroup", "messageGroup"]]],
  ["FifoThroughputLimit", "Throughput limit", [["perQueue", "perQueue"], ["perMessageGroupId", "perMessageGroupId"]]],
];

export function Settings({ data, onChanged }) {
  return html`<div class="two"><${Attributes} data=${data} onChanged=${onChanged} />
    <div><${Tags} data=${data} onChanged=${onChanged} /><${Facts} data=${data} /></div></div>`;
}

function Attributes({ data, onChanged }) {
  const [edited, setEdited] = useState({});
  const now = data.attributes;
  const changed = Object.entries(edited).filter(([name, value]) => value !== now[name]);
  const save = useAction(async () => {
    await post("SetQueueAttributes", { QueueUrl: data.name, Attributes: Object.fromEntries(changed) });
    await onChanged("Saved the settings"); // the form shows what was entered until the service shows it
    setEdited({});
  });
  const submit = event => { event.preventDefault(); save.run(); };
  const edit = name => value => setEdited({ ...edited, [name]: value });
  const value = name => edited[name] ?? now[name];
  // The text of the service names the attribute: the error is shown at its field.
  const problemOf = name => (save.problem?.message.includes(name) ? save.problem.message : null);
  const names = [...NUMBERS.map(([name]) => name), "SqsManagedSseEnabled", ...CHOICES.map(([name]) => name)];
  const isShown = names.some(problemOf);
  return html`<form class="card" onSubmit=${submit} aria-labelledby="settings">
    <h2 id="settings">Attributes</h2>
    ${NUMBERS.map(([name, label, unit, hint]) => html`<${Field} key=${name} label=${label} unit=${unit} value=${value(name)} onInput=${edit(name)}
      inputmode="numeric" problem=${problemOf(name)} hint=${unit === "seconds" && Number(value(name)) >= 60 ? `${hint} Now ${duration(Number(value(name)))}.` : hint} />`)}
    ${now.FifoQueue ? CHOICES.map(([name, label, choices]) => html`<${Choice} key=${name} label=${label} value=${value(name)} onInput=${edit(name)} choices=${choices} />`) : null}
    <${Choice} label="Encryption at rest" value=${value("SqsManagedSseEnabled")} onInput=${edit("SqsManagedSseEnabled")} choices=${FLAG}
      hint=${now.KmsMasterKeyId ? `The key ${now.KmsMasterKeyId} is noted; no key service is called.` : null} />
    ${isShown && !problemOf("SqsManagedSseEnabled") ? null : html`<${ErrorNote} problem=${save.problem} title="Nothing was changed" />`}
    <div class="buttons"><button type="button" disabled=${!changed.length} onClick=${() => { setEdited({}); save.clear(); }}>Reset</button>
      <button class="primary" disabled=${!changed.length || save.isBusy}>Save</button></div>
  </form>`;
}

function Tags({ data, onChanged }) {
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const add = useAction(async () => {
    await post("TagQueue", { QueueUrl: data.name, Tags: { [key]: value } });
    setKey("");
    setValue("");
    onChanged(`Set the tag ${key}`);
  });
  const remove = useAction(async name => {
    await post("UntagQueue", { QueueUrl: data.name, TagKeys: [name] });
    onChanged(`Removed the tag ${name}`);
  });
  const submit = event => { event.preventDefault(); add.run(); };
  return html`<section class="card" aria-labelledby="tags"><h2 id="tags">Tags</h2>
    ${data.tags.denied ? html`<p class="hint">Your policies do not allow <code>${data.tags.denied}</code>.</p>`
      : !data.tags.rows.length ? html`<p class="hint">No tags. Tags help to find queues: the overview searches them.</p>`
      : html`<table><thead><tr><th scope="col">Key</th><th scope="col">Value</th><th scope="col"><span class="hidden">Action</span></th></tr></thead>
        <tbody>${data.tags.rows.map(([name, text]) => html`<tr key=${name}><th scope="row">${name}</th><td class="breaks">${text}</td>
          <td class="number"><button class="small plain" aria-label=${`Remove the tag ${name}`} disabled=${remove.isBusy} onClick=${() => remove.run(name)}>Remove</button></td></tr>`)}</tbody></table>`}
    <${ErrorNote} problem=${add.problem ?? remove.problem} title="The tags were not changed" />
    <form class="row" onSubmit=${submit}>
      <${Field} label="Key" value=${key} onInput=${setKey} /><${Field} label="Value" value=${value} onInput=${setValue} />
      <button disabled=${!key || add.isBusy}>Set tag</button></form>
  </section>`;
}

function Facts({ data }) {
  return html`<section class="card" aria-labelledby="facts"><h2 id="facts">Queue</h2><dl class="facts">
    <dt>ARN</dt><dd><code>${data.attributes.QueueArn}</code></dd>
    <dt>Kind</dt><dd>${data.attributes.FifoQueue ? "FIFO" : "standard"}, created by ${data.creator === "zaqar" ? "Zaqar" : "SQS"}</dd>
    <dt>Created</dt><dd>${moment(Number(data.attributes.CreatedTimestamp) * 1000)}</dd>
    <dt>Changed</dt><dd>${moment(Number(data.attributes.LastModifiedTimestamp) * 1000)}</dd>
    ${data.pool ? html`<dt>Pool</dt><dd>${data.pool}</dd>` : null}
  </dl></section>`;
}
