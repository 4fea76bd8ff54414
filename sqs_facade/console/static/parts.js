// Parts that all pages share: notices, dialogs, fields, tabs.

import { html, useEffect, useLayoutEffect, useRef, useState } from "./htm-preact-standalone.js";
import { pretty } from "./format.js";

// An error in the words of the service.
export function ErrorNote({ problem, title }) {
  if (!problem) return null;
  return html`<div class="note error" role="alert">
    <strong>${title ?? "The service refused this"}</strong>
    <span>${problem.message}</span>
    ${problem.code && problem.status ? html`<code>${problem.code}</code>` : null}
  </div>`;
}

// A page that cannot be read any more: the data that were read before stay.
export function Stale({ problem }) {
  if (!problem) return null;
  return html`<div class="note warning" role="status">
    <strong>Not up to date</strong><span>${problem.message} Trying again.</span>
  </div>`;
}

export function Empty({ title, children }) {
  return html`<div class="empty"><h2>${title}</h2>${children}</div>`;
}

export function Loading() {
  return html`<p class="loading" role="status">Loading …</p>`;
}

let announceNow = () => {};

// Say something in the live region, and show it for a moment.
export const announce = text => announceNow(text);

export function Announcer() {
  const [text, setText] = useState("");
  useEffect(() => {
    let timer = 0;
    announceNow = said => {
      setText(said);
      clearTimeout(timer);
      timer = setTimeout(() => setText(""), 6000);
    };
    return () => clearTimeout(timer);
  }, []);
  return html`<div class="toast ${text ? "shown" : ""}" role="status" aria-live="polite">${text}</div>`;
}

// A modal dialog. The browser keeps the focus in it, closes it by Escape and gives the focus back.
export function Dialog({ title, onClose, children, isWide = false }) {
  const dialog = useRef(null);
  useLayoutEffect(() => {
    const shown = dialog.current;
    const opener = document.activeElement;
    shown.showModal();
    return () => {
      shown.close();
      if (opener?.isConnected) opener.focus();
    };
  }, []);
  const cancelled = event => { event.preventDefault(); onClose(); };
  const clicked = event => { if (event.target === dialog.current) onClose(); };
  return html`<dialog ref=${dialog} class=${isWide ? "wide" : ""} aria-labelledby="dialog-title" onCancel=${cancelled} onMouseDown=${clicked}>
    <div class="dialog-body">
      <div class="dialog-head"><h2 id="dialog-title">${title}</h2>
        <button type="button" class="plain icon" aria-label="Close" onClick=${onClose}>✕</button></div>
      ${children}
    </div>
  </dialog>`;
}

// Ask for the name of what is to be lost before `action` runs.
export function Confirm({ title, name, verb, children, action, onClose }) {
  const [typed, setTyped] = useState("");
  const isRight = typed === name;
  const submit = async event => {
    event.preventDefault();
    if (isRight && await action.run()) onClose();
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${submit}>
      ${children}
      <${Field} label=${html`Type <code>${name}</code> to confirm`} value=${typed} onInput=${setTyped} autofocus=${true} isCode=${true} />
      <${ErrorNote} problem=${action.problem} />
      <div class="buttons"><button type="button" onClick=${onClose}>Cancel</button>
        <button class="danger" disabled=${!isRight || action.isBusy}>${verb}</button></div>
    </form>
  </${Dialog}>`;
}

let numbers = 0;

export function useId() {
  const id = useRef(null);
  if (id.current === null) id.current = `f${numbers += 1}`;
  return id.current;
}

// A labelled input, or a text area with `rows`. `problem` is the error about this field.
export function Field({ label, value, onInput, hint, unit, problem, rows, autofocus, isCode, list, ...more }) {
  const id = useId();
  const input = useRef(null);
  useEffect(() => { if (autofocus) input.current?.focus(); }, []);
  const described = [hint ? `${id}h` : "", problem ? `${id}p` : ""].filter(Boolean).join(" ") || undefined;
  const shared = {
    id, ref: input, value, autofocus, "aria-describedby": described, "aria-invalid": problem ? "true" : undefined,
    class: isCode ? "code" : "", autocomplete: "off", spellcheck: false, list, ...more,
    onInput: event => onInput(event.currentTarget.value),
  };
  return html`<div class="field ${problem ? "invalid" : ""}">
    <label for=${id}>${label}${unit ? html` <span class="unit">${unit}</span>` : null}</label>
    ${rows ? html`<textarea rows=${rows} ...${shared}></textarea>` : html`<input ...${shared} />`}
    ${hint ? html`<p class="hint" id=${`${id}h`}>${hint}</p>` : null}
    ${problem ? html`<p class="problem" id=${`${id}p`} role="alert">${problem}</p>` : null}
  </div>`;
}

export function Choice({ label, value, onInput, choices, hint }) {
  const id = useId();
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <select id=${id} aria-describedby=${hint ? `${id}h` : undefined} value=${value} onChange=${event => onInput(event.currentTarget.value)}>
      ${choices.map(([key, text]) => html`<option value=${key} selected=${key === value}>${text}</option>`)}
    </select>
    ${hint ? html`<p class="hint" id=${`${id}h`}>${hint}</p>` : null}
  </div>`;
}

export function Check({ label, checked, onInput }) {
  return html`<label class="check"><input type="checkbox" checked=${checked} onChange=${event => onInput(event.currentTarget.checked)} /> ${label}</label>`;
}

// Tabs after the pattern of WAI-ARIA: arrows, Home and End move among them.
export function Tabs({ tabs, selected, onSelect, label }) {
  const list = useRef(null);
  const moved = event => {
    const at = tabs.findIndex(([key]) => key === selected);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const index = (to + tabs.length) % tabs.length;
    onSelect(tabs[index][0]);
    list.current.children[index].focus();
  };
  return html`<div class="tabs" role="tablist" aria-label=${label} ref=${list} onKeyDown=${moved}>
    ${tabs.map(([key, text]) => html`<button type="button" role="tab" id=${`tab-${key}`} aria-selected=${key === selected ? "true" : "false"}
      aria-controls="panel" tabindex=${key === selected ? 0 : -1} onClick=${() => onSelect(key)}>${text}</button>`)}
  </div>`;
}

// Text that may be JSON, which is then indented. It is text in any case, never markup.
export function Document({ text, label }) {
  const json = pretty(text);
  return html`<pre class="document" tabindex="0" aria-label=${label}>${json ?? text}</pre>`;
}

export function Copy({ text, label }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      announce("Copied");
    } catch {
      announce("The browser does not allow this page to copy");
    }
  };
  return html`<button type="button" class="small" onClick=${copy}>${label}</button>`;
}

export function Tile({ label, value, title, children }) {
  return html`<div class="tile" title=${title}><dt>${label}</dt><dd>${value ?? children}</dd></div>`;
}
