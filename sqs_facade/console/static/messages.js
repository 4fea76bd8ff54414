// The messages of a queue, read without receiving them.

import { html, useEffect, useRef, useState } from "./htm-preact-standalone.js";
import { get, post } from "./api.js";
import { ago, bytes, duration, moment, plural, pretty } from "./format.js";
import { useAction } from "./hooks.js";
import { Check, Copy, Dialog, Document, Empty, ErrorNote, Loading } from "./parts.js";

export function Messages({ queue, changes, onChanged, onSend, total }) {
  const [inFlight, setInFlight] = useState(true);
  const [delayed, setDelayed] = useState(true);
  const [{ pages, problem, isBusy }, setRead] = useState({ pages: [], problem: null, isBusy: true });
  const [deleting, setDeleting] = useState(null);
  const controller = useRef(null);
  const read = async after => { // the last reading counts
    controller.current?.abort();
    const { signal } = controller.current = new AbortController();
    setRead(before => ({ ...before, problem: null, isBusy: true }));
    try {
      const found = await get("messages", { queue, inFlight, delayed, after }, { signal });
      setRead(before => ({ pages: after ? [...before.pages, found] : [found], problem: null, isBusy: false }));
    } catch (failed) {
      if (!signal.aborted) setRead(before => ({ ...before, problem: failed, isBusy: false }));
    }
  };
  useEffect(() => {
    read(null);
    return () => controller.current.abort();
  }, [queue, inFlight, delayed, changes]);
  const remove = useAction(async () => {
    await post("delete-message", {}, { queue, id: deleting.id });
    onChanged(`Deleted message ${deleting.id}`);
  });
  const shown = pages.flatMap(page => page.messages);
  const last = pages.at(-1);
  return html`<div class="toolbar">
      <${Check} label="In flight" checked=${inFlight} onInput=${setInFlight} />
      <${Check} label="Delayed" checked=${delayed} onInput=${setDelayed} />
      <span class="count">${last ? `${plural(shown.length, "message")} shown, oldest first` : ""}</span>
      <button class="small" disabled=${isBusy} onClick=${() => read(null)}>Read again</button>
    </div>
    <${ErrorNote} problem=${problem} title="The messages cannot be shown" />
    ${!last && !problem ? html`<${Loading} />` : null}
    ${last && !shown.length ? html`<${Empty} title=${total ? "No message is visible" : "The queue is empty"}>
        <p>${total ? "Its messages are in flight or delayed: select them above." : "Messages that are sent to it appear here. Looking at them does not receive them."}</p>
        <button onClick=${onSend}>Send message</button></${Empty}>` : null}
    ${shown.length ? html`<ul class="messages">${shown.map(one => html`<${Message} one=${one} queue=${queue} onDelete=${() => setDeleting(one)} key=${one.id} />`)}</ul>` : null}
    ${last?.after ? html`<button disabled=${isBusy} onClick=${() => read(last.after)}>Show more</button>` : null}
    ${deleting ? html`<${DeleteMessage} one=${deleting} action=${remove} onClose=${() => { setDeleting(null); remove.clear(); }} />` : null}`;
}

function DeleteMessage({ one, action, onClose }) {
  const submit = async event => { event.preventDefault(); if (await action.run()) onClose(); };
  return html`<${Dialog} title="Delete the message" onClose=${onClose}>
    <form onSubmit=${submit}>
      <p>This deletes message <code>${one.id}</code>. ${one.isInFlight ? "A consumer has received it and may still work on it. " : ""}It cannot be undone.</p>
      <${ErrorNote} problem=${action.problem} />
      <div class="buttons"><button type="button" onClick=${onClose}>Cancel</button><button class="danger" disabled=${action.isBusy}>Delete</button></div>
    </form></${Dialog}>`;
}

const HIDDEN = new Set(["SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"]);

function Message({ one, queue, onDelete }) {
  const [isOpen, setOpen] = useState(false);
  const [full, setFull] = useState(null);
  const whole = useAction(async () => setFull(await get("message", { queue, id: one.id })));
  const found = full ?? one;
  const id = `m-${one.id}`;
  return html`<li class="message">
    <button type="button" class="message-head" aria-expanded=${isOpen ? "true" : "false"} aria-controls=${id} onClick=${() => setOpen(!isOpen)}>
      <span class="twist" aria-hidden="true">${isOpen ? "▾" : "▸"}</span>
      <span class="preview">${one.body.slice(0, 200) || "(empty)"}</span>
      <span class="marks">${one.isInFlight ? html`<span class="badge">in flight</span>` : null}${one.isDelayed ? html`<span class="badge">delayed</span>` : null}
        ${one.receiveCount ? html`<span class="badge" title="Times that it was received">${one.receiveCount}×</span>` : null}</span>
      <span class="when" title=${moment(one.sentMs)}>${ago(one.sentMs, one.readMs)}</span>
    </button>
    <div id=${id} hidden=${!isOpen} class="message-body">${isOpen ? html`
      <${Document} text=${found.body} label="Body" />
      ${found.isCut ? html`<p class="cut">The first ${bytes(new Blob([found.body]).size)} of ${bytes(found.bodyBytes)} are shown.
        <button class="small" disabled=${whole.isBusy} onClick=${() => whole.run()}>Show all</button></p>` : null}
      <${ErrorNote} problem=${whole.problem} title="The message cannot be shown" />
      ${one.attributes?.length ? html`<${Attributes} rows=${one.attributes} />` : null}
      <dl class="facts">
        <dt>Message id</dt><dd><code>${one.id}</code></dd>
        <dt>Sent</dt><dd>${moment(one.sentMs)}</dd>
        <dt>Expires</dt><dd>${moment(one.expiresMs)}, in ${duration((one.expiresMs - one.readMs) / 1000)}</dd>
        <dt>Received</dt><dd>${one.receiveCount ? `${plural(one.receiveCount, "time")}, first ${moment(one.firstReceivedMs)}` : "never"}</dd>
        <dt>Size</dt><dd>${bytes(one.bodyBytes)}${pretty(one.body) ? ", JSON" : ""}</dd>
        ${one.claim ? html`<dt>Claim</dt><dd><code>${one.claim}</code></dd>` : null}
        ${one.client ? html`<dt>Client-ID</dt><dd><code>${one.client}</code></dd>` : null}
        ${Object.entries(one.system).filter(([name]) => !HIDDEN.has(name)).map(([name, value]) => html`<dt>${name}</dt><dd><code>${value}</code></dd>`)}
      </dl>
      <div class="buttons start"><${Copy} text=${found.body} label=${found.isCut ? "Copy what is shown" : "Copy body"} />
        <button class="small danger-plain" onClick=${onDelete}>Delete message</button></div>` : null}
    </div></li>`;
}

function Attributes({ rows }) {
  return html`<div class="scrolled" tabindex="0" role="group" aria-label="Message attributes"><table class="attributes">
    <thead><tr><th scope="col">Attribute</th><th scope="col">Type</th><th scope="col">Value</th></tr></thead>
    <tbody>${rows.map(one => html`<tr key=${one.name}><th scope="row"><code>${one.name}</code></th><td>${one.type}</td><td><code>${one.value}</code></td></tr>`)}</tbody>
  </table></div>`;
}
