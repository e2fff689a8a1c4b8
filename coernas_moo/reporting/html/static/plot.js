"use strict";
// What all plots share: layout, axes, and drawing only what comes into view.

const LOG_FROM = 8;
const NARROW = window.matchMedia("(max-width: 560px)");
const COARSE = window.matchMedia("(pointer: coarse)");

function baseLayout(extra = {}) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("ink") },
    margin: { l: 56, r: 12, t: 12, b: 46 },
    hovermode: "closest",
    hoverlabel: {
      bgcolor: colour("surface"),
      bordercolor: colour("faint"),
      font: { color: colour("ink"), size: 12 },
      align: "left",
    },
    // A finger that drags should move the page.
    dragmode: COARSE.matches || NARROW.matches ? false : "zoom",
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", xanchor: "left", font: { size: 12 } },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("faint"), activecolor: colour("ink") },
    showlegend: false,
    ...extra,
  };
}

function axisLayout(title, extra = {}) {
  return {
    title: { text: title, font: { size: 12.5, color: colour("faint") }, standoff: 8 },
    gridcolor: colour("grid"),
    linecolor: colour("rule"),
    zerolinecolor: colour("rule"),
    tickfont: { color: colour("faint"), size: 11 },
    ticks: "outside",
    tickcolor: colour("rule"),
    ticklen: 4,
    automargin: true,
    ...extra,
  };
}

/** Ticks of a logarithmic axis: 1, 2, 5 of every decade, fewer where many decades are shown, all where few. */
function logTicks(low, high) {
  const decades = Math.log10(high / low);
  const steps = decades < 0.7 ? [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9] : decades < 2.2 ? [1, 2, 5] : decades < 4 ? [1, 3] : [1];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    ticks.push(...steps.map((step) => Number((step * 10 ** power).toPrecision(3))));
  }
  return ticks;
}

/** After zooming, ticks that suit what is shown. */
function followZoom(div) {
  div.on("plotly_relayout", (change) => {
    const ticks = {};
    for (const name of ["xaxis", "yaxis"]) {
      const axis = div._fullLayout[name];
      const moved = Object.keys(change).some((key) => key.startsWith(`${name}.range`) || key === `${name}.autorange`);
      if (moved && axis.type === "log") ticks[`${name}.tickvals`] = logTicks(...axis.range.map((power) => 10 ** power));
    }
    if (Object.keys(ticks).length) Plotly.relayout(div, ticks);
  });
}

function axisTitle(axis) {
  return plain(axis.title + (axis.unit ? `, ${axis.unit}` : ""));
}

/** The same of an axis that is too short for more than the title. */
function shortAxis(axis, extra = {}) {
  return dataAxis(axis, { ...extra, title: axisLayout(axisTitle(axis)).title });
}

/** The layout of an axis of the data: logarithmic where values span much. */
function dataAxis(axis, extra = {}) {
  const known = axis.values.filter((value) => value !== null);
  const low = Math.min(...known);
  const high = Math.max(...known);
  const log = ["objective", "cost"].includes(axis.role) && axis.name !== "score" && low > 0 && high / low >= LOG_FROM;
  const better = { max: "  (higher is better)", min: "  (lower is better)", "": "" }[axis.direction];
  return axisLayout(axisTitle(axis) + better, {
    ...(log ? { type: "log", tickvals: logTicks(low, high) } : { type: "linear" }),
    tickformat: axis.unit || axis.role === "proxy" || high < 1000 ? "~g" : "~s",
    nticks: NARROW.matches ? 6 : 9,
    zeroline: false,
    ...extra,
  });
}

const CONFIG = {
  displaylogo: false,
  // A finger has no use for them, and they would lie over the plot.
  displayModeBar: COARSE.matches || NARROW.matches ? false : "hover",
  responsive: true,
  doubleClick: "reset",
  // These and no others: versions of plotly add some that send the plot away.
  modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
  toImageButtonOptions: { format: "svg" },
};

/** Draw, or draw again, with a title that a screen reader says. */
async function draw(div, traces, layout, label) {
  if (label) {
    div.setAttribute("role", "img");
    div.setAttribute("aria-label", label);
  }
  await Plotly.react(div, traces, layout, CONFIG);
  if (!div.dataset.bound) {
    div.dataset.bound = "yes";
    followZoom(div);
    div.dispatchEvent(new Event("firstdrawn"));
  }
}

/** A legend as text above a plot, which wraps as text does. */
function addLegend(div, entries) {
  const items = entries.map(({ sign, shade, name }) => {
    const mark = element("span", { ariaHidden: "true" }, sign);
    mark.style.color = shade;
    return element("li", {}, mark, ` ${name}`);
  });
  const legend = element("ul", { className: "legend" }, ...items);
  const before = div.previousElementSibling;
  if (before?.className === "legend") before.replaceWith(legend);
  else div.before(legend);
}

/** A plot with a heading of its own, in a container of several. */
function addPlot(container, title, height) {
  const div = element("div", { className: "plot" });
  div.style.height = `${height}px`;
  const figure = element("div", {}, title ? element("h4", {}, title) : null, div);
  container.append(figure);
  return div;
}

const waiting = new Map();
const drawn = new Set();
const watcher = new IntersectionObserver(
  (seen) => seen.filter((one) => one.isIntersecting).forEach((one) => drawNow(one.target)),
  { rootMargin: "300px" },
);

function drawNow(target) {
  const task = waiting.get(target);
  if (!task) return undefined;
  waiting.delete(target);
  watcher.unobserve(target);
  drawn.add(task);
  return task();
}

/** Draw when it comes into view, and again when the colours change. */
function whenSeen(target, task) {
  waiting.set(target, task);
  watcher.observe(target);
}

function redrawAll() {
  drawn.forEach((task) => task());
}

window.addEventListener("beforeprint", () => [...waiting.keys()].forEach(drawNow));
