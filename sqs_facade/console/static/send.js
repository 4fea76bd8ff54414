// The dialog that sends a message.

import { html, useState } from "./htm-preact-standalone.js";
import { post } from "./api.js";
import { useAction } from "./hooks.js";
import { Choice, Dialog, ErrorNote, Field } from "./parts.js";

const TYPES = [["String", "String"], ["Number", "Number"], ["Binary", "Binary (base64)"]];

export function SendMessage({ queue, delay, deduplicates, onClose, onSent }) {
  const isFifo = queue.endsWith(".fifo");
  const [body, setBody] = useState("");
  const [seconds, setSeconds] = useState("");
  const [group, setGroup] = useState("");
  const [deduplication, setDeduplication] = useState("");
  const [rows, setRows] = useState([]);
  const action = useAction(async () => {
    const asked = { QueueUrl: queue, MessageBody: body };
    if (seconds !== "") asked.DelaySeconds = /^\d+$/.test(seconds) ? Number(seconds) : seconds;
    if (group !== "") asked.MessageGroupId = group;
    if (deduplication !== "") asked.MessageDeduplicationId = deduplication;
    if (rows.length) asked.MessageAttributes = Object.fromEntries(rows.map(one => [one.name, value(one)]));
    const { MessageId } = await post("SendMessage", asked);
    onSent(`Sent message ${MessageId}`);
  });
  const submit = async event => { event.preventDefault(); if (await action.run()) onClose(); };
  const change = (index, field, to) => setRows(rows.map((one, at) => (at === index ? { ...one, [field]: to } : one)));
  return html`<${Dialog} title=${`Send a message to ${queue}`} onClose=${onClose} isWide=${true}>
    <form onSubmit=${submit}>
      <${Field} label="Body" value=${body} onInput=${setBody} rows=${8} autofocus=${true} isCode=${true} />
      <div class="columns">
        ${isFifo ? null : html`<${Field} label="Delay" unit="seconds" value=${seconds} onInput=${setSeconds} inputmode="numeric" placeholder=${delay} hint="Empty: that of the queue." />`}
        <${Field} label=${isFifo ? "Message group id" : "Message group id (optional)"} value=${group} onInput=${setGroup} isCode=${true} />
        ${isFifo ? html`<${Field} label=${deduplicates ? "Deduplication id (optional)" : "Deduplication id"} value=${deduplication} onInput=${setDeduplication} isCode=${true} />` : null}
      </div>
      <fieldset><legend>Attributes</legend>
        ${rows.map((one, index) => html`<div class="row" key=${one.key}>
          <${Field} label="Name" value=${one.name} onInput=${to => change(index, "name", to)} isCode=${true} />
          <${Choice} label="Type" value=${one.type} onInput=${to => change(index, "type", to)} choices=${TYPES} />
          <${Field} label="Value" value=${one.value} onInput=${to => change(index, "value", to)} isCode=${true} />
          <button type="button" class="plain icon" aria-label=${`Remove attribute ${one.name}`.trim()} onClick=${() => setRows(rows.filter(other => other !== one))}>✕</button></div>`)}
        <button type="button" class="small" onClick=${() => setRows([...rows, { key: Date.now(), name: "", type: "String", value: "" }])}>Add attribute</button>
      </fieldset>
      <${ErrorNote} problem=${action.problem} title="The message was not sent" />
      <div class="buttons"><button type="button" onClick=${onClose}>Cancel</button><button class="primary" disabled=${action.isBusy}>Send</button></div>
    </form></${Dialog}>`;
}

function value(one) {
  return one.type === "Binary" ? { DataType: one.type, BinaryValue: one.value } : { DataType: one.type, StringValue: one.value };
}
