// The dialog that creates a queue.

import { html, useState } from "./htm-preact-standalone.js";
import { post } from "./api.js";
import { go, useAction } from "./hooks.js";
import { announce, Check, Dialog, ErrorNote, Field } from "./parts.js";

export function CreateQueue({ onClose, onCreated }) {
  const [name, setName] = useState("");
  const [isFifo, setFifo] = useState(false);
  const [deduplicates, setDeduplicates] = useState(false);
  const full = isFifo && !name.endsWith(".fifo") ? `${name}.fifo` : name;
  const action = useAction(async () => {
    const attributes = isFifo ? { FifoQueue: "true", ContentBasedDeduplication: String(deduplicates) } : {};
    await post("CreateQueue", { QueueName: full, Attributes: attributes });
  });
  const submit = async event => {
    event.preventDefault();
    if (!await action.run()) return;
    announce(`Created ${full}`);
    onClose();
    onCreated();
    go("queues", full);
  };
  return html`<${Dialog} title="Create a queue" onClose=${onClose}>
    <form onSubmit=${submit}>
      <${Field} label="Name" value=${name} onInput=${setName} autofocus=${true} isCode=${true} required
        hint=${isFifo ? html`It will be <code>${full}</code>.` : "Letters, digits, hyphens and underscores."} />
      <${Check} label="FIFO: keep the order within each message group, and drop repeated messages" checked=${isFifo} onInput=${setFifo} />
      ${isFifo ? html`<${Check} label="Recognize repeated messages by their content" checked=${deduplicates} onInput=${setDeduplicates} />` : null}
      <${ErrorNote} problem=${action.problem} title="The queue was not created" />
      <div class="buttons"><button type="button" onClick=${onClose}>Cancel</button>
        <button class="primary" disabled=${action.isBusy || !name}>Create</button></div>
    </form>
  </${Dialog}>`;
}
