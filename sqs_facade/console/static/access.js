// Policies of a queue: who may use it, and which queues may send it their dead letters.

import { html, useState } from "./htm-preact-standalone.js";
import { post } from "./api.js";
import { pretty } from "./format.js";
import { useAction } from "./hooks.js";
import { Document, ErrorNote, Field } from "./parts.js";

export function Access({ data, onChanged }) {
  return html`<div class="two">
    <${Policy} data=${data} name="Policy" title="Policy" onChanged=${onChanged}
      empty="No policy: only users of this account may use the queue, as their own policies allow." />
    <${Policy} data=${data} name="RedriveAllowPolicy" title="Redrive allow policy" onChanged=${onChanged}
      empty="No policy: every queue of this account and region may send its dead letters here." />
  </div>`;
}

function Policy({ data, name, title, empty, onChanged }) {
  const now = data.attributes[name] ?? "";
  const [edited, setEdited] = useState(null);
  const save = useAction(async () => {
    await post("SetQueueAttributes", { QueueUrl: data.name, Attributes: { [name]: edited } });
    setEdited(null);
    onChanged(edited ? `Saved the ${title.toLowerCase()}` : `Removed the ${title.toLowerCase()}`);
  });
  const submit = event => { event.preventDefault(); save.run(); };
  return html`<section class="card" aria-labelledby=${name}><h2 id=${name}>${title}</h2>
    ${edited === null ? html`${now ? html`<${Document} text=${now} label=${title} />` : html`<p>${empty}</p>`}
        <div class="buttons start"><button onClick=${() => setEdited(pretty(now) ?? now)}>${now ? "Edit" : "Add a policy"}</button></div>`
      : html`<form onSubmit=${submit}>
        <${Field} label="JSON" value=${edited} onInput=${setEdited} rows=${14} isCode=${true} autofocus=${true} hint="An empty text removes it." />
        <${ErrorNote} problem=${save.problem} title="Nothing was changed" />
        <div class="buttons"><button type="button" onClick=${() => { setEdited(null); save.clear(); }}>Cancel</button><button class="primary" disabled=${save.isBusy}>Save</button></div></form>`}
  </section>`;
}
