// One queue: its numbers, what can be done with it, and the tabs.

import { html, useState } from "./htm-preact-standalone.js";
import { Access } from "./access.js";
import { changedLately, get, post } from "./api.js";
import { Spark } from "./chart.js";
import { duration, plural, rate, short, whole } from "./format.js";
import { go, href, useAction, usePolling, useTitle } from "./hooks.js";
import { Messages } from "./messages.js";
import { announce, Confirm, Empty, ErrorNote, Loading, Stale, Tabs, Tile } from "./parts.js";
import { Redrive } from "./redrive.js";
import { SendMessage } from "./send.js";
import { Settings } from "./settings.js";
import { Zaqar } from "./zaqar.js";

const REFRESH_SECONDS = 2;
const TABS = [
  ["messages", "Messages"], ["settings", "Settings"], ["redrive", "Dead letters"], ["access", "Access"], ["zaqar", "Claims and subscriptions"],
];

export function Queue({ name, tab, samples }) {
  useTitle(name);
  const [dialog, setDialog] = useState(null);
  const [changes, setChanges] = useState(0);
  const load = async given => {
    const found = await get("queue", { queue: name, fresh: changedLately() }, given);
    samples.add(name, { readMs: found.readMs, depth: numbers(found).depth, sent: found.sent });
    return found;
  };
  const { data, problem, refresh } = usePolling(load, REFRESH_SECONDS, [name]);
  const changed = text => {
    announce(text);
    setChanges(before => before + 1);
    return refresh();
  };
  const purge = useAction(async () => { await post("PurgeQueue", { QueueUrl: name }); changed(`Purged ${name}`); });
  const remove = useAction(async () => {
    await post("DeleteQueue", { QueueUrl: name });
    announce(`Deleted ${name}`);
    go("queues");
  });
  const close = () => { setDialog(null); purge.clear(); remove.clear(); };
  const crumbs = html`<nav class="crumbs" aria-label="Breadcrumbs"><a href=${href("queues")}>Queues</a> <span aria-hidden="true">/</span></nav>`;
  if (!data) {
    if (!problem) return html`${crumbs}<h1 class="name">${name}</h1><${Loading} />`;
    if (problem.code === "NonExistentQueue") {
      return html`${crumbs}<h1 class="name">${name}</h1><${Empty} title="This queue does not exist">
        <p>${problem.message} It may have been deleted, or it is in another account or region.</p><a href=${href("queues")}>Show all queues</a></${Empty}>`;
    }
    return html`${crumbs}<h1 class="name">${name}</h1><${ErrorNote} problem=${problem} title="The queue cannot be shown" />`;
  }
  const selected = TABS.some(([key]) => key === tab) ? tab : "messages";
  const isGone = problem?.code === "NonExistentQueue";
  return html`${crumbs}
    <div class="page-head"><h1 class="name">${name}</h1>
      <div class="buttons">
        <button class="primary" onClick=${() => setDialog("send")}>Send message</button>
        <button onClick=${() => setDialog("purge")}>Purge</button>
        <button class="danger-plain" onClick=${() => setDialog("delete")}>Delete</button>
      </div></div>
    ${isGone ? html`<${ErrorNote} problem=${problem} title="This queue has been deleted" />` : html`<${Stale} problem=${problem} />`}
    <${Numbers} data=${data} samples=${samples} />
    <${Tabs} tabs=${TABS} selected=${selected} onSelect=${key => go("queues", name, key)} label="Parts of the queue" />
    <div id="panel" role="tabpanel" aria-labelledby=${`tab-${selected}`}>
      ${selected === "messages" ? html`<${Messages} queue=${name} changes=${changes} onChanged=${changed} onSend=${() => setDialog("send")} total=${numbers(data).depth} />`
        : selected === "settings" ? html`<${Settings} data=${data} onChanged=${changed} />`
        : selected === "redrive" ? html`<${Redrive} data=${data} onChanged=${changed} />`
        : selected === "access" ? html`<${Access} data=${data} onChanged=${changed} />`
        : html`<${Zaqar} data=${data} />`}
    </div>
    ${dialog === "send" ? html`<${SendMessage} queue=${name} delay=${data.attributes.DelaySeconds} deduplicates=${data.attributes.ContentBasedDeduplication === "true"} onClose=${close} onSent=${changed} />` : null}
    ${dialog === "purge" ? html`<${Confirm} title="Purge the queue" name=${name} verb="Purge" action=${purge} onClose=${close}>
        <p>This deletes all ${plural(numbers(data).depth, "message")}, also those in flight and those that are delayed. It cannot be undone.</p></${Confirm}>` : null}
    ${dialog === "delete" ? html`<${Confirm} title="Delete the queue" name=${name} verb="Delete" action=${remove} onClose=${close}>
        <p>This deletes the queue with its ${plural(numbers(data).depth, "message")} and its subscriptions. It cannot be undone.</p>
        ${data.sources.length ? html`<p><strong>It gets the dead letters of ${plural(data.sources.length, "queue")}.</strong> These keep their messages then.</p>` : null}</${Confirm}>` : null}`;
}

function numbers(data) {
  const number = key => Number(data.attributes[key]);
  const visible = number("ApproximateNumberOfMessages");
  const inFlight = number("ApproximateNumberOfMessagesNotVisible");
  const delayed = number("ApproximateNumberOfMessagesDelayed");
  return { visible, inFlight, delayed, depth: visible + inFlight + delayed };
}

function Numbers({ data, samples }) {
  const found = numbers(data);
  const rates = samples.rates(data.name);
  return html`<dl class="tiles">
    <${Tile} label="Visible" value=${short(found.visible)} title=${whole(found.visible)} />
    <${Tile} label="In flight" value=${short(found.inFlight)} title=${whole(found.inFlight)} />
    <${Tile} label="Delayed" value=${short(found.delayed)} title=${whole(found.delayed)} />
    <${Tile} label="Oldest" value=${duration(data.oldestAge)} />
    <${Tile} label="Sent" value=${rate(rates?.in)} title=${`${whole(data.sent)} since the queue was created`} />
    <${Tile} label="Removed" value=${rate(rates?.out)} title="Deleted, expired or moved" />
    <${Tile} label="Messages"><${Spark} values=${samples.depths(data.name)} width=${160} height=${30} label="Messages" /></${Tile}>
  </dl>`;
}
