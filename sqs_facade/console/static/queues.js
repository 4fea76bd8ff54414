// The overview: all queues of an account with their numbers.

import { html, useEffect, useState } from "./htm-preact-standalone.js";
import { changedLately, get } from "./api.js";
import { Spark } from "./chart.js";
import { CreateQueue } from "./create-queue.js";
import { duration, plural, rate, short, whole } from "./format.js";
import { href, usePolling, useTitle } from "./hooks.js";
import { Empty, ErrorNote, Loading, Stale, Tile } from "./parts.js";

const PAGE = 50;
const REFRESH_SECONDS = 2;
// Key of the sums in the samples: no queue has this name.
const ALL = " all";
const COLUMNS = [
  ["name", "Queue", "", "ascending"],
  ["visible", "Visible", "number", "descending"],
  ["inFlight", "In flight", "number", "descending"],
  ["delayed", "Delayed", "number wide-only", "descending"],
  ["oldestAge", "Oldest", "number tablet", "descending"],
];

export function Queues({ samples, place }) {
  useTitle("Queues");
  const [search, setSearch] = useState("");
  const [order, setOrder] = useState("name");
  const [isDescending, setDescending] = useState(false);
  const [offset, setOffset] = useState(0);
  const [isCreating, setCreating] = useState(false);
  const wanted = useSettled(search, 150);
  const load = async given => {
    const found = await get(
      "queues", { search: wanted, order, descending: isDescending, offset, limit: PAGE, fresh: changedLately() }, given);
    for (const one of found.queues) samples.add(one.name, { readMs: one.readMs, depth: depth(one), sent: one.sent });
    if (found.total) samples.add(ALL, { readMs: found.readMs, depth: depth(found), sent: found.sent });
    return found;
  };
  const { data, problem, refresh } = usePolling(load, REFRESH_SECONDS, [wanted, order, isDescending, offset], { keeps: true });
  useEffect(() => { if (data && offset && offset >= data.matching) setOffset(0); }, [data, offset]);
  const searched = text => { setSearch(text); setOffset(0); };
  const sorted = (key, first) => {
    setDescending(key === order ? !isDescending : first === "descending");
    setOrder(key);
    setOffset(0);
  };
  return html`
    <div class="page-head"><h1>Queues</h1>
      <div class="buttons"><button class="primary" onClick=${() => setCreating(true)}>Create queue</button></div></div>
    ${isCreating ? html`<${CreateQueue} onClose=${() => setCreating(false)} onCreated=${refresh} />` : null}
    ${problem && !data ? html`<${ErrorNote} problem=${problem} title="The queues cannot be shown" />` : null}
    ${data ? html`<${Stale} problem=${problem} />` : problem ? null : html`<${Loading} />`}
    ${data && data.total ? html`
      <${Sums} data=${data} samples=${samples} />
      <div class="toolbar">
        <input type="search" class="search" placeholder="Search names and tags" aria-label="Search names and tags" value=${search}
          onInput=${event => searched(event.currentTarget.value)} />
        <span class="count" role="status">${data.matching === data.total ? plural(data.total, "queue") : `${whole(data.matching)} of ${plural(data.total, "queue")}`}</span>
        <${Pager} offset=${offset} number=${data.queues.length} matching=${data.matching} onOffset=${setOffset} />
      </div>
      ${data.matching ? html`<${Table} rows=${data.queues} order=${order} isDescending=${isDescending} onSort=${sorted} samples=${samples} />`
        : html`<${Empty} title="No queue matches"><p>No name and no tag contains <code>${search}</code>.</p>
            <button onClick=${() => searched("")}>Show all queues</button></${Empty}>`}` : null}
    ${data && !data.total ? html`<${Empty} title="This account has no queues">
        <p>Create one here, or let your program create one. For example:</p>
        <pre class="document" tabindex="0" aria-label="Command">aws sqs create-queue --queue-name orders --region ${place[1]} --endpoint-url ${base()}</pre>
        <button class="primary" onClick=${() => setCreating(true)}>Create queue</button></${Empty}>` : null}`;
}

const depth = one => one.visible + one.inFlight + one.delayed;
const base = () => location.href.replace(/\/console\/.*$/, "");

// Return the value once it has not changed for some milliseconds.
function useSettled(value, ms) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

function Sums({ data, samples }) {
  const rates = samples.rates(ALL);
  return html`<dl class="tiles">
    <${Tile} label="Visible" value=${short(data.visible)} title=${whole(data.visible)} />
    <${Tile} label="In flight" value=${short(data.inFlight)} title=${whole(data.inFlight)} />
    <${Tile} label="Delayed" value=${short(data.delayed)} title=${whole(data.delayed)} />
    <${Tile} label="Sent" value=${rate(rates?.in)} />
    <${Tile} label="Removed" value=${rate(rates?.out)} />
    <${Tile} label="All messages"><${Spark} values=${samples.depths(ALL)} width=${160} height=${30} label="All messages" /></${Tile}>
  </dl>`;
}

function Pager({ offset, number, matching, onOffset }) {
  if (matching <= PAGE) return null;
  return html`<div class="pager" role="group" aria-label="Pages">
    <button type="button" class="small" disabled=${offset === 0} onClick=${() => onOffset(Math.max(0, offset - PAGE))}>Previous</button>
    <span>${whole(offset + 1)}–${whole(offset + number)} of ${whole(matching)}</span>
    <button type="button" class="small" disabled=${offset + PAGE >= matching} onClick=${() => onOffset(offset + PAGE)}>Next</button>
  </div>`;
}

function Table({ rows, order, isDescending, onSort, samples }) {
  const sortOf = key => (key === order ? (isDescending ? "descending" : "ascending") : undefined);
  return html`<table class="queues">
    <caption class="hidden">Queues with their numbers of messages</caption>
    <thead><tr>
      ${COLUMNS.map(([key, text, kind, first]) => html`<th scope="col" class=${kind} aria-sort=${sortOf(key)}>
        <button type="button" class="sort" onClick=${() => onSort(key, first)}>${text}<span aria-hidden="true">${
          { ascending: " ▲", descending: " ▼" }[sortOf(key)] ?? ""}</span></button></th>`)}
      <th scope="col" class="number wide-only">Sent</th>
      <th scope="col" class="number wide-only">Removed</th>
      <th scope="col" class="tablet">Messages</th>
    </tr></thead>
    <tbody>${rows.map(one => html`<${Row} one=${one} samples=${samples} key=${one.name} />`)}</tbody>
  </table>`;
}

const PROBLEMS = { denied: "your policies do not allow its numbers", unreachable: "its pool does not respond" };

function Row({ one, samples }) {
  const rates = samples.rates(one.name);
  const name = html`<th scope="row"><a href=${href("queues", one.name)}>${one.name}</a> <${Badges} one=${one} /></th>`;
  if (one.problem) return html`<tr>${name}<td colspan="7" class="faint">${PROBLEMS[one.problem]}</td></tr>`;
  return html`<tr>${name}
    <td class="number ${one.visible ? "" : "faint"}">${short(one.visible)}</td>
    <td class="number ${one.inFlight ? "" : "faint"}">${short(one.inFlight)}</td>
    <td class="number wide-only ${one.delayed ? "" : "faint"}">${short(one.delayed)}</td>
    <td class="number tablet ${one.oldestAge === null ? "faint" : ""}">${duration(one.oldestAge)}</td>
    <td class="number wide-only ${rates?.in ? "" : "faint"}">${rate(rates?.in)}</td>
    <td class="number wide-only ${rates?.out ? "" : "faint"}">${rate(rates?.out)}</td>
    <td class="tablet"><${Spark} values=${samples.depths(one.name)} label="Messages" /></td>
  </tr>`;
}

function Badges({ one }) {
  return html`${one.sources ? html`<span class="badge ${depth(one) ? "alarm" : ""}" title=${`Gets the dead letters of ${plural(one.sources, "queue")}`}>dead letters</span>` : null}`;
}
