// Hooks that pages share: data that is read again while the page is seen, the address, and announcements.

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "./htm-preact-standalone.js";

const MOST_SECONDS = 30;

// Read data now and every few seconds. Nothing is read while the tab is hidden. After a failure the data stay and the
// pauses grow. `load` gets a signal, and whether the page asks by itself.
// `keeps`: the data stay while those of other dependencies are read. Without `seconds` the data are read once.
export function usePolling(load, seconds, dependencies, { keeps = false } = {}) {
  const [state, setState] = useState({ data: null, problem: null });
  const run = useRef(() => {});
  useEffect(() => {
    let timer = 0;
    let controller = null;
    let failures = 0;
    let isOver = false;
    async function read(byItself) {
      clearTimeout(timer);
      controller?.abort();
      const mine = controller = new AbortController();
      let pause = seconds;
      try {
        const data = await load({ signal: mine.signal, byItself });
        if (isOver || mine.signal.aborted) return;
        failures = 0;
        setState({ data, problem: null });
      } catch (problem) {
        if (isOver || mine.signal.aborted) return;
        failures += 1;
        pause = Math.min(seconds * 2 ** failures, MOST_SECONDS);
        setState(before => ({ data: before.data, problem }));
      }
      if (!document.hidden && seconds) timer = setTimeout(() => read(true), pause * 1000);
    }
    function changed() {
      if (document.hidden) clearTimeout(timer);
      else if (seconds) read(true);
    }
    run.current = read;
    if (!keeps) setState({ data: null, problem: null });
    read(false);
    document.addEventListener("visibilitychange", changed);
    return () => {
      isOver = true;
      clearTimeout(timer);
      controller?.abort();
      document.removeEventListener("visibilitychange", changed);
    };
  }, dependencies);
  const refresh = useCallback(() => run.current(false), []);
  return { ...state, refresh };
}

// The address after #, as a list of decoded segments.
export function useRoute() {
  const [route, setRoute] = useState(segments());
  useLayoutEffect(() => { // before the browser can report the next change
    const changed = () => setRoute(segments());
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  return route;
}

function segments() {
  try {
    return location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decodeURIComponent);
  } catch { // not percent-encoded
    return [];
  }
}

export const href = (...parts) => `#/${parts.map(encodeURIComponent).join("/")}`;
export const go = (...parts) => { location.hash = href(...parts); };

// Run what changes something: its problem is shown until the next try, and nothing runs twice at once.
export function useAction(action) {
  const [state, setState] = useState({ isBusy: false, problem: null });
  const isBusy = useRef(false);
  const run = async (...given) => {
    if (isBusy.current) return false;
    isBusy.current = true;
    setState({ isBusy: true, problem: null });
    try {
      await action(...given);
      setState({ isBusy: false, problem: null });
      return true;
    } catch (problem) {
      setState({ isBusy: false, problem });
      return false;
    } finally {
      isBusy.current = false;
    }
  };
  const clear = () => setState({ isBusy: false, problem: null });
  return { ...state, run, clear };
}

export function useTitle(text) {
  useEffect(() => { document.title = `${text} · sqs-facade`; }, [text]);
}
