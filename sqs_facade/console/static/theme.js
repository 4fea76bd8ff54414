// The theme: that of the system, or the one that was chosen here. Loaded first, so that no page flashes.

const KEY = "sqs-facade-theme";
const THEMES = ["system", "light", "dark"];

export function theme() {
  try {
    const found = localStorage.getItem(KEY);
    return THEMES.includes(found) ? found : "system";
  } catch { // a browser that stores nothing
    return "system";
  }
}

export function setTheme(chosen) {
  try {
    localStorage.setItem(KEY, chosen);
  } catch { /* it is forgotten when the page is left */ }
  apply(chosen);
}

function apply(chosen) {
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}

apply(theme());
