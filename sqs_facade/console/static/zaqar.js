// What Zaqar adds to a queue: claims, subscriptions and metadata.

import { html } from "./htm-preact-standalone.js";
import { duration, plural } from "./format.js";
import { Document } from "./parts.js";

export function Zaqar({ data }) {
  const metadata = Object.keys(data.zaqar).length ? JSON.stringify(data.zaqar) : null;
  return html`
    <${Part} part=${data.claims} id="claims" title="Claims in force" empty="No consumer of Zaqar holds messages. Messages that consumers of SQS received are in flight without a claim.">
      <table><thead><tr><th scope="col">Claim</th><th scope="col" class="number">Messages</th><th scope="col" class="number">Ends in</th><th scope="col" class="number tablet">Time to live</th></tr></thead>
        <tbody>${data.claims.rows?.map(one => html`<tr key=${one.id}><th scope="row"><code>${one.id}</code></th><td class="number">${one.held}</td>
          <td class="number">${duration((one.endsMs - data.readMs) / 1000)}</td><td class="number tablet">${duration(one.ttlSeconds)}</td></tr>`)}</tbody></table>
    </${Part}>
    <${Part} part=${data.subscriptions} id="subscriptions" title="Subscriptions" empty="Nobody is notified of new messages. Clients of Zaqar create subscriptions.">
      <table><thead><tr><th scope="col">Subscriber</th><th scope="col">State</th><th scope="col" class="number">Ends in</th></tr></thead>
        <tbody>${data.subscriptions.rows?.map(one => html`<tr key=${one.id}><th scope="row" class="breaks">${one.subscriber}</th>
          <td>${one.isConfirmed ? "confirmed" : "not confirmed"}</td><td class="number">${duration(one.ttlSeconds - one.ageSeconds)}</td></tr>`)}</tbody></table>
    </${Part}>
    <section class="card" aria-labelledby="metadata"><h2 id="metadata">Metadata</h2>
      ${metadata ? html`<${Document} text=${metadata} label="Metadata" />` : html`<p class="hint">No metadata is set.</p>`}</section>`;
}

function Part({ part, id, title, empty, children }) {
  return html`<section class="card" aria-labelledby=${id}><h2 id=${id}>${title}</h2>
    ${part.denied ? html`<p class="hint">Your policies do not allow <code>${part.denied}</code>.</p>`
      : part.rows.length ? html`<div class="scrolled" tabindex="0" role="group" aria-label=${title}>${children}</div>` : html`<p class="hint">${empty}</p>`}
    ${part.hasMore ? html`<p class="hint">The first ${plural(part.rows.length, "row")} are shown.</p>` : null}
  </section>`;
}
