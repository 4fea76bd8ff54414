// A small chart of the last values: a line over a filled area, from zero to the greatest value.

import { html } from "./htm-preact-standalone.js";
import { whole } from "./format.js";

export function Spark({ values, width = 96, height = 24, label }) {
  const box = `0 0 ${width} ${height}`;
  if (values.length < 2) {
    return html`<svg class="spark" viewBox=${box} width=${width} height=${height} aria-hidden="true">
      <line class="spark-none" x1="0" y1=${height - 1} x2=${width} y2=${height - 1} /></svg>`;
  }
  const least = Math.min(...values);
  const greatest = Math.max(...values);
  const most = least === greatest ? Math.max(1, greatest * 2) : greatest; // a constant is a line in the middle
  const step = width / (values.length - 1);
  const points = values.map((value, index) => `${(index * step).toFixed(1)},${(height - 2 - (value / most) * (height - 4)).toFixed(1)}`);
  const text = `${label}: ${whole(values.at(-1))} now, ${whole(least)} to ${whole(greatest)} before`;
  return html`<svg class="spark" viewBox=${box} width=${width} height=${height} preserveAspectRatio="none" role="img" aria-label=${text}>
    <path class="spark-area" d=${`M0,${height} L${points.join(" L")} L${width},${height} Z`} />
    <polyline class="spark-line" points=${points.join(" ")} vector-effect="non-scaling-stroke" />
  </svg>`;
}
