// The form that begins a session.

import { html, useState } from "./htm-preact-standalone.js";
import { post } from "./api.js";
import { useAction, useTitle } from "./hooks.js";
import { ErrorNote, Field } from "./parts.js";

export function SignIn({ hasEnded, onSignedIn }) {
  useTitle("Sign in");
  const [id, setId] = useState("");
  const [secret, setSecret] = useState("");
  const action = useAction(async () => {
    await post("sign-in", { accessKeyId: id, secretAccessKey: secret });
    setSecret("");
    await onSignedIn();
  });
  const submit = event => { event.preventDefault(); action.run(); };
  return html`<main class="alone">
    <h1><span class="mark" aria-hidden="true"></span> Console of sqs-facade</h1>
    <p>${hasEnded ? "Your session has ended. Sign in again." : "Sign in with an access key of this service."}</p>
    <form onSubmit=${submit} class="card">
      <${Field} label="Access key id" value=${id} onInput=${setId} autofocus=${true} isCode=${true} name="username" autocomplete="username" required />
      <${Field} label="Secret access key" value=${secret} onInput=${setSecret} type="password" name="password" autocomplete="current-password" required />
      <${ErrorNote} problem=${action.problem} title="You are not signed in" />
      <div class="buttons"><button class="primary" disabled=${action.isBusy}>Sign in</button></div>
    </form>
    <p class="hint">An operator creates keys with <code>sqs-facade credentials</code>. What you may do here is what the policies of the key's user allow.</p>
  </main>`;
}
