// The service itself: whether the store is in order, its servers, and the pools.

import { html } from "./htm-preact-standalone.js";
import { get } from "./api.js";
import { bytes, duration, whole } from "./format.js";
import { usePolling, useTitle } from "./hooks.js";
import { ErrorNote, Loading, Stale } from "./parts.js";

const REFRESH_SECONDS = 3;
const DURABILITY = {
  memory: "memory: a restart of the store may lose messages",
  fsync: "fsync: each message is on disk before its sender gets an answer",
  replicated: "replicated: each message is on disk, and on a replica",
};

export function Service() {
  useTitle("Service");
  const { data, problem } = usePolling(given => get("service", {}, given), REFRESH_SECONDS, []);
  if (!data) {
    return html`<h1>Service</h1>${problem ? html`<${ErrorNote} problem=${problem} title="The condition of the service is not known" />` : html`<${Loading} />`}`;
  }
  return html`<h1>Service</h1>
    <${Stale} problem=${problem} />
    <section class="card condition ${data.isReady ? "good" : "bad"}" aria-label="Condition" role="status">
      <h2>${data.isReady ? "Ready" : "Not ready"}</h2>
      <p>${data.isReady ? "The store answers, and keeps what the service promises." : data.problem}</p>
      <dl class="facts">
        <dt>Durability</dt><dd>${DURABILITY[data.durability] ?? data.durability}</dd>
        ${data.version ? html`<dt>Version</dt><dd>sqs-facade ${data.version}</dd>` : null}
      </dl>
    </section>
    ${data.isAdministrator ? html`<${Servers} servers=${data.servers} /><${Pools} pools=${data.pools} />`
      : html`<p class="hint">The servers of the store and the pools are shown to administrators: users whose policies allow <code>zaqar:Administer</code>.</p>`}`;
}

function Servers({ servers }) {
  if (!servers.length) return null;
  return html`<section aria-labelledby="servers"><h2 id="servers">Servers of the store</h2>
    <div class="scrolled" tabindex="0" role="group" aria-label="Servers of the store"><table>
      <thead><tr><th scope="col">Server</th><th scope="col">Program</th><th scope="col" class="number">Up for</th>
        <th scope="col" class="number">Memory</th><th scope="col" class="number">Limit</th><th scope="col">Log of changes</th><th scope="col" class="number">Replicas</th></tr></thead>
      <tbody>${servers.map(one => html`<tr key=${one.name}><th scope="row">${one.name}</th><td>${one.program} ${one.version}</td>
        <td class="number">${duration(one.uptimeSeconds)}</td><td class="number">${bytes(one.memoryBytes)}${
          one.memoryLimitBytes ? html` <meter min="0" max=${one.memoryLimitBytes} high=${one.memoryLimitBytes * 0.9} value=${one.memoryBytes}
            aria-label=${`Memory of ${one.name}`}></meter>` : null}</td>
        <td class="number">${one.memoryLimitBytes ? bytes(one.memoryLimitBytes) : "none"}</td>
        <td>${one.logsChanges ? `${bytes(one.logBytes)}, synced ${one.syncs}` : "off"}</td><td class="number">${whole(one.replicas ?? 0)}</td></tr>`)}</tbody>
    </table></div></section>`;
}

function Pools({ pools }) {
  if (!pools.length) return null;
  return html`<section aria-labelledby="pools"><h2 id="pools">Pools</h2>
    <table><thead><tr><th scope="col">Pool</th><th scope="col">Flavor</th><th scope="col" class="number">Weight</th></tr></thead>
      <tbody>${pools.map(one => html`<tr key=${one.name}><th scope="row">${one.name}</th><td>${one.flavor || "–"}</td><td class="number">${whole(one.weight)}</td></tr>`)}</tbody>
    </table></section>`;
}
