// The frame of the console: who uses it, the navigation, and the page of the address.

import { html, render, useCallback, useEffect, useRef, useState } from "./htm-preact-standalone.js";
import { get, post, setPlace, setToken, whenSignedOut } from "./api.js";
import { sentence } from "./format.js";
import { go, href, usePolling, useRoute } from "./hooks.js";
import { Announcer, Choice, ErrorNote, Loading } from "./parts.js";
import { Queue } from "./queue.js";
import { Queues } from "./queues.js";
import { Samples } from "./samples.js";
import { Service, STATES } from "./service.js";
import { SignIn } from "./sign-in.js";
import { setTheme, theme } from "./theme.js";

const SERVICE_SECONDS = 3;

function Console() {
  const [session, setSession] = useState(null);
  const [problem, setProblem] = useState(null);
  const [place, choosePlace] = useState(null);
  const load = useCallback(async () => {
    try {
      const found = await get("session");
      setToken(found.token ?? "");
      setSession(found);
      setProblem(null);
    } catch (failed) {
      setProblem(failed);
    }
  }, []);
  useEffect(() => {
    whenSignedOut(() => setSession({ needsSignIn: true, hasEnded: true }));
    load();
  }, []);
  if (!session) {
    return html`<main class="alone">${problem
      ? html`<h1>Console of sqs-facade</h1><${ErrorNote} problem=${problem} title="The console cannot be shown" />
          <button onClick=${load}>Try again</button>`
      : html`<${Loading} />`}</main>`;
  }
  if (session.needsSignIn) return html`<${SignIn} hasEnded=${session.hasEnded} onSignedIn=${load} />`;
  const choose = text => {
    const found = JSON.parse(text);
    setPlace(found);
    choosePlace(found);
    go("queues");
  };
  const at = place ?? [session.account, session.region];
  return html`<${Frame} session=${session} place=${at} onPlace=${choose} onSignOut=${load} key=${at.join("/")} />`;
}

function Frame({ session, place, onPlace, onSignOut }) {
  const route = useRoute();
  const samples = useRef(null);
  samples.current ??= new Samples();
  const [section = "queues", name, tab] = route;
  const main = useRef(null);
  const isFirst = useRef(true);
  useEffect(() => { // as a browser does for a new page
    if (!isFirst.current) main.current.focus({ preventScroll: true });
    isFirst.current = false;
    window.scrollTo(0, 0);
  }, [section, name]);
  const signOut = async () => {
    try {
      await post("sign-out");
    } finally {
      onSignOut();
    }
  };
  const service = usePolling(given => get("service", {}, given), SERVICE_SECONDS, []);
  const skip = event => { event.preventDefault(); main.current.focus(); };
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header class="bar">
      <a class="brand" href=${href("queues")}><span class="mark" aria-hidden="true"></span>sqs-facade</a>
      <nav aria-label="Sections">
        ${[["queues", "Queues"], ["service", "Service"]].map(([key, text]) => html`
          <a href=${href(key)} aria-current=${section === key ? "page" : undefined}>${text}</a>`)}
      </nav>
      <div class="bar-end">
        <${Place} session=${session} place=${place} onPlace=${onPlace} />
        <${ThemeSwitch} />
        ${session.user ? html`<span class="user" title=${`Account ${session.account}`}>${session.user}</span>
          <button type="button" class="plain" onClick=${signOut}>Sign out</button>` : null}
      </div>
    </header>
    <${Condition} service=${service.data} />
    <main id="main" ref=${main} tabindex="-1">
      ${section === "service" ? html`<${Service} ...${service} />`
        : section === "queues" && name ? html`<${Queue} name=${name} tab=${tab} place=${place} samples=${samples.current} key=${name} />`
        : html`<${Queues} samples=${samples.current} place=${place} />`}
    </main>
    <${Announcer} />`;
}

// On every page, while the store refuses something or is slow.
function Condition({ service }) {
  if (!service || service.state === "fit") return null;
  return html`<div class="strip ${service.isReady ? "" : "bad"}" role="alert">
    <strong>${STATES[service.state] ?? service.state}.</strong> <span>${sentence(service.reason)}</span> <a href=${href("service")}>Show the service</a></div>`;
}

function Place({ session, place, onPlace }) {
  if (session.places.length < 2) return html`<span class="place">${place[0]} · ${place[1]}</span>`;
  const places = session.places.map(one => [JSON.stringify(one), `${one[0]} · ${one[1]}`]);
  return html`<div class="compact"><${Choice} label="Account and region" value=${JSON.stringify(place)} onInput=${onPlace} choices=${places} /></div>`;
}

function ThemeSwitch() {
  const [chosen, choose] = useState(theme());
  const change = found => { setTheme(found); choose(found); };
  return html`<div class="compact"><${Choice} label="Theme" value=${chosen} onInput=${change}
    choices=${[["system", "Theme: system"], ["light", "Theme: light"], ["dark", "Theme: dark"]]} /></div>`;
}

render(html`<${Console} />`, document.getElementById("console"));
