// Calls of the service. Every error is a Problem with the text of the service.

export class Problem extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

let token = "";
let place = null;
let changedAt = -Infinity;
let onSignedOut = () => {};

// Called when a session has ended.
export const whenSignedOut = call => { onSignedOut = call; };
export const setToken = found => { token = found; };
// The account and region that all calls are about, null for those of the service.
export const setPlace = found => { place = found; };

async function request(path, options = {}) {
  let response;
  let text;
  try {
    response = await fetch(`api/${path}`, { cache: "no-store", ...options });
    text = await response.text();
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Problem(0, "Unreachable", "The service does not respond.");
  }
  let found;
  try {
    found = JSON.parse(text);
  } catch {
    throw new Problem(response.status, "Unreadable", `The service gave no JSON (status ${response.status}).`);
  }
  if (response.ok) return found;
  const problem = new Problem(response.status, found.code, found.message);
  if (problem.code === "SignInRequired") onSignedOut(problem);
  throw problem;
}

function query(parameters) {
  const found = new URLSearchParams();
  const all = place ? { account: place[0], region: place[1], ...parameters } : parameters;
  for (const [name, value] of Object.entries(all)) {
    if (value === true) found.set(name, "1");
    else if (value !== undefined && value !== null && value !== false && value !== "") found.set(name, value);
  }
  return String(found);
}

// Whether something was changed here in the last seconds: the overview is then read anew.
export const changedLately = () => performance.now() - changedAt < 3_000;

// `byItself`: the page asks without anybody having done something, which keeps no session alive.
const marks = ({ byItself = false }) => (byItself ? { "X-Console-Refresh": "1" } : {});

export function get(path, parameters = {}, options = {}) {
  return request(`${path}?${query(parameters)}`, { headers: marks(options), signal: options.signal });
}

export function post(path, body = {}, parameters = {}, options = {}) {
  const headers = { ...marks(options), "Content-Type": "application/json", "X-Console-Token": token };
  const { signal } = options;
  if (!options.byItself) changedAt = performance.now();
  return request(`${path}?${query(parameters)}`, { method: "POST", headers, body: JSON.stringify(body), signal });
}
