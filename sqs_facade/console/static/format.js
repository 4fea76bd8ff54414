// How numbers, times and texts are written.

const WHOLE = new Intl.NumberFormat("en");
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const SOME = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const FEW = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });
const MOMENT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

export const whole = number => WHOLE.format(number);
export const short = number => (Math.abs(number) < 1_000_000 ? WHOLE.format(number) : SHORT.format(number));

export function rate(perSecond) {
  if (perSecond === null || perSecond === undefined) return "–";
  if (perSecond < 0.05) return "0/s";
  return `${perSecond < 100 ? FEW.format(perSecond) : short(Math.round(perSecond))}/s`;
}

export function plural(number, one, many = `${one}s`) {
  return `${whole(number)} ${number === 1 ? one : many}`;
}

const UNITS = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];

// Two units at most: 3 d 4 h.
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  let left = Math.max(0, Math.round(seconds));
  if (left === 0) return "0 s";
  const parts = [];
  for (const [unit, length] of UNITS) {
    const number = Math.floor(left / length);
    if (number) parts.push(`${number} ${unit}`);
    else if (parts.length) break;
    left -= number * length;
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}

export const moment = ms => MOMENT.format(new Date(ms));
export const ago = (ms, now) => `${duration((now - ms) / 1000)} ago`;

// A clause of a log as a sentence.
export function sentence(text) {
  return text && text[0].toUpperCase() + text.slice(1) + (text.endsWith(".") ? "" : ".");
}

export function bytes(number) {
  if (number === null || number === undefined) return "–";
  if (number < 1024) return `${whole(number)} B`;
  let value = number;
  for (const unit of ["KiB", "MiB", "GiB", "TiB"]) {
    value /= 1024;
    if (value < 1024) return `${SOME.format(value)} ${unit}`;
  }
  return `${SOME.format(value)} TiB`;
}

// Return JSON with indents, or null if the text is not an object or a list in JSON. Numbers keep their digits.
export function pretty(text) {
  const start = text.trimStart()[0];
  if (start !== "{" && start !== "[") return null;
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  return indented(text);
}

// Indent valid JSON as it is written: JSON.parse would change large numbers and drop repeated members.
function indented(text) {
  const found = [];
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  const tokens = text.match(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    if (token === "{" || token === "[") {
      if (next === "}" || next === "]") found.push(token);
      else { depth += 1; found.push(token + line()); }
    } else if (token === "}" || token === "]") {
      const before = tokens[index - 1];
      if (before === "{" || before === "[") found.push(token);
      else { depth -= 1; found.push(line() + token); }
    } else if (token === ",") found.push(token + line());
    else if (token === ":") found.push(": ");
    else found.push(token);
  });
  return found.join("");
}
