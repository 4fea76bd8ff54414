// The service itself: the condition of its stores, and the pools.

import { html } from "./htm-preact-standalone.js";
import { bytes, duration, sentence, whole } from "./format.js";
import { useTitle } from "./hooks.js";
import { ErrorNote, Loading, Stale } from "./parts.js";

export const STATES = {
  fit: "in order", slow: "The store is slow", full: "The store is full", "disk-full": "The disk of the store is full",
  misconfigured: "A setting of the store is wrong", "read-only": "The store accepts no changes",
  loading: "The store is loading its data", gone: "The store does not answer",
};
const DURABILITY = {
  memory: "memory: a restart of the store may lose messages",
  fsync: "fsync: each message is on disk before its sender gets an answer",
  replicated: "replicated: each message is on disk, and on a replica",
};

export function Service({ data, problem }) {
  useTitle("Service");
  if (!data) {
    return html`<h1>Service</h1>${problem ? html`<${ErrorNote} problem=${problem} title="The condition of the service is not known" />` : html`<${Loading} />`}`;
  }
  return html`<h1>Service</h1>
    <${Stale} problem=${problem} />
    <section class="card condition ${data.isReady ? "good" : "bad"}" aria-label="Condition">
      <h2>${data.isReady ? "Ready" : "Not ready"}</h2>
      <p>${data.state === "fit" ? "The store answers, and keeps what the service promises." : html`<strong>${STATES[data.state] ?? data.state}.</strong> ${sentence(data.reason)}`}</p>
      ${data.remedy ? html`<p>To mend it: ${sentence(data.remedy)}</p>` : null}
      <dl class="facts">
        <dt>Durability</dt><dd>${DURABILITY[data.durability] ?? data.durability}</dd>
        ${data.version ? html`<dt>Version</dt><dd>sqs-facade ${data.version}</dd>` : null}
      </dl>
    </section>
    ${data.isAdministrator ? html`<${Servers} servers=${data.servers} /><${Pools} pools=${data.pools} />`
      : html`<p class="hint">Reasons, servers and pools are shown to administrators: users whose policies allow <code>zaqar:Administer</code>.</p>`}`;
}

function Servers({ servers }) {
  if (!servers.length) return null;
  const rows = servers.map(one => html`<tr key=${`${one.pool}/${one.node}`}>
    <th scope="row" class="server">${[one.pool || "main store", one.node].filter(Boolean).join(", ")}<br /><span class="faint">${one.program} ${one.version}</span></th>
    <td><span class="badge ${one.isReady && one.state === "fit" ? "" : "alarm"}">${one.state}</span>
      ${one.state === "fit" ? null : html` <span class="faint">for ${duration((Date.now() - one.sinceMs) / 1000)}</span><p class="hint">${sentence(one.reason)}</p>`}</td>
    <td class="number">${duration(one.uptimeSeconds)}</td>
    <td class="number">${one.roundTripMs === null ? "–" : `${one.roundTripMs.toFixed(1)} ms`}</td>
    <td class="number">${bytes(one.memoryBytes)}${one.memoryLimitBytes ? html` of ${bytes(one.memoryLimitBytes)}<br /><meter min="0"
      max=${one.memoryLimitBytes} high=${one.memoryLimitBytes * 0.9} value=${one.memoryBytes} aria-label="Memory in use"></meter>` : null}</td>
    <td>${one.logsChanges ? `${bytes(one.logBytes)}, synced ${one.syncs}` : "off"}</td>
    <td class="number">${whole(one.replicas ?? 0)}</td></tr>`);
  return html`<section aria-labelledby="servers"><h2 id="servers">Servers of the store</h2>
    <div class="scrolled" tabindex="0" role="group" aria-label="Servers of the store"><table>
      <thead><tr><th scope="col">Server</th><th scope="col">Condition</th><th scope="col" class="number">Up for</th><th scope="col" class="number">Inspection</th>
        <th scope="col" class="number">Memory</th><th scope="col">Log of changes</th><th scope="col" class="number">Replicas</th></tr></thead>
      <tbody>${rows}</tbody>
    </table></div></section>`;
}

function Pools({ pools }) {
  if (!pools.length) return null;
  return html`<section aria-labelledby="pools"><h2 id="pools">Pools</h2>
    <div class="scrolled" tabindex="0" role="group" aria-label="Pools"><table><thead><tr><th scope="col">Pool</th><th scope="col">Flavor</th><th scope="col" class="number">Weight</th></tr></thead>
      <tbody>${pools.map(one => html`<tr key=${one.name}><th scope="row">${one.name}</th><td>${one.flavor || "–"}</td><td class="number">${whole(one.weight)}</td></tr>`)}</tbody>
    </table></div></section>`;
}
