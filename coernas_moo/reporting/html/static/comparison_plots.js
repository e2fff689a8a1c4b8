"use strict";
// Algorithms against each other.

const SMALLEST_REGRET = 1e-5;
/** Buttons hide and show: one place for it. */
const STILL = { itemclick: false, itemdoubleclick: false };

function drawComparison(data, root) {
  const container = (name) => root.querySelector(`[data-plots="${name}"]`);
  data.hidden = new Set();
  addToggles(data, root);
  drawRegret(data, container("regret"));
  drawFinal(data, container("final"));
  if (container("attainment")) data.reference.forEach((_, cost) => drawAttainment(data, cost, container("attainment")));
}

/** Buttons that hide and show an algorithm's lines, for keys and fingers too. */
function addToggles(data, root) {
  const buttons = data.algorithms.map(({ name }, index) => {
    const mark = element("span", { ariaHidden: "true" }, "━");
    mark.style.color = `var(--${lineName(index)})`;
    const button = element("button", { className: "toggle", type: "button", ariaPressed: "true" }, mark, ` ${name}`);
    button.addEventListener("click", () => {
      if (!data.hidden.delete(name)) data.hidden.add(name);
      button.ariaPressed = String(!data.hidden.has(name));
      for (const div of root.querySelectorAll("div.js-plotly-plot")) {
        const own = div.data.flatMap((trace, at) => (trace.legendgroup === name ? [at] : []));
        if (own.length) Plotly.restyle(div, { visible: shown(data, { name }) }, own);
      }
    });
    return button;
  });
  const group = element("div", { className: "toggles", role: "group", ariaLabel: "algorithms shown" }, ...buttons);
  root.querySelector('[data-plots="regret"]').before(group);
}

/** Of both traces of an algorithm: what a legend's click would make of them. */
function shown(data, algorithm) {
  return data.hidden.has(algorithm.name) ? "legendonly" : true;
}

/** A band between two lines, hidden and shown with the line it belongs to. */
function band(x, low, high, color, group, shape) {
  return {
    type: "scatter",
    mode: "lines",
    x: [...x, ...[...x].reverse()],
    y: [...high, ...[...low].reverse()],
    fill: "toself",
    fillcolor: faded(color, 0.13),
    line: { width: 0, shape },
    legendgroup: group,
    showlegend: false,
    hoverinfo: "skip",
  };
}

/** Smallest and largest value of lines. */
function range(traces) {
  const values = traces.flatMap((trace) => trace.y).filter((value) => value !== null);
  return [Math.min(...values), Math.max(...values)];
}

function drawRegret(data, container) {
  const div = addPlot(container, null, NARROW.matches ? 460 : 480);
  whenSeen(div, () => {
    const traces = data.algorithms.flatMap((algorithm, index) => {
      if (!algorithm.curve.length) return [];
      const look = lineLook(index);
      // A share of one has no logarithm.
      const [high, middle, low] = algorithm.curve.map((curve) => curve.map((share) => Math.max(1 - share, SMALLEST_REGRET)));
      return [
        { ...band(data.checkpoints, low, high, look.color, algorithm.name), visible: shown(data, algorithm) },
        {
          type: "scatter",
          visible: shown(data, algorithm),
          mode: data.checkpoints.length > 1 ? "lines" : "markers",
          name: plain(algorithm.name),
          legendgroup: algorithm.name,
          x: data.checkpoints,
          y: middle,
          line: { ...look, width: index ? 1.6 : 3 },
          hovertemplate: "%{fullData.name}: %{y:.3~g} after %{x:,}<extra></extra>",
        },
      ];
    });
    const layout = baseLayout({
      showlegend: true,
      legend: { ...baseLayout().legend, ...STILL },
      xaxis: axisLayout("networks evaluated", { rangemode: "tozero" }),
      yaxis: axisLayout("hypervolume regret", { type: "log", tickformat: "~g", tickvals: logTicks(...range(traces)) }),
    });
    draw(div, traces, layout, `Convergence of ${data.algorithms.map((algorithm) => algorithm.name).join(", ")}`);
  });
}

function drawFinal(data, container) {
  const targets = Object.keys(data.algorithms[0]?.reached || {});
  const measures = [
    ["Hypervolume, share of the reference", (algorithm) => algorithm.final],
    ["IGD+ (lower is better)", (algorithm) => algorithm.igd_plus],
    ...targets.map((target) => [
      `Evaluations to ${Number((100 * target).toFixed(2))} % of the reference`, (algorithm) => algorithm.reached[target] || [],
    ]),
  ];
  for (const [title, measure] of measures) {
    if (!data.algorithms.some((algorithm) => measure(algorithm).some((value) => value !== null))) {
      container.append(element("p", { className: "note" }, `${title}: never reached.`));
      continue;
    }
    const div = addPlot(container, title, 70 + 30 * data.algorithms.length);
    whenSeen(div, () => {
      const names = data.algorithms.map((algorithm) => {
        const never = measure(algorithm).filter((value) => value === null).length;
        return plain(algorithm.name + (never ? `, never ${never}×` : ""));
      });
      const traces = data.algorithms.map((algorithm, index) => {
        const values = measure(algorithm).filter((value) => value !== null);
        // Quartiles of those that got there would not be those of all.
        const box = values.length === measure(algorithm).length ? 1.4 : 0;
        return {
          type: "box",
          visible: shown(data, algorithm),
          legendgroup: algorithm.name,
          name: names[index],
          x: values,
          y0: names[index],
          orientation: "h",
          boxpoints: "all",
          jitter: 0.5,
          pointpos: 0,
          width: 0.6,
          marker: { color: lineLook(index).color, size: 4, opacity: 0.55 },
          line: { width: box },
          fillcolor: "rgba(0,0,0,0)",
          hovertemplate: "%{y}: %{x:.5~g}<extra></extra>",
        };
      });
      const layout = baseLayout({
        xaxis: axisLayout("", { nticks: 6, zeroline: false, tickformat: "~g" }),
        yaxis: axisLayout("", {
          type: "category",
          ticks: "",
          tickfont: { size: 11.5, color: colour("ink") },
          categoryorder: "array",
          categoryarray: names,
          range: [names.length - 0.4, -0.6],
        }),
        margin: { l: 20, r: 14, t: 6, b: 30 },
      });
      draw(div, traces, layout, title);
    });
  }
}

/** Surfaces of the first objective against a cost, the objective with that number after the first. */
function drawAttainment(data, cost, container) {
  const several = data.reference.length > 1;
  const div = addPlot(container, several ? `Against ${data.titles[cost + 1]}` : null, 500);
  const reference = data.reference[cost];
  const column = (points, index) => points.map((point) => point[index]);
  whenSeen(div, () => {
    const right = Math.max(...column(reference, 0));
    const traces = data.algorithms.flatMap((algorithm, index) => {
      const surfaces = algorithm.surfaces[cost];
      if (!surfaces.length) return [];
      const look = lineLook(index);
      const grid = [...new Set([...surfaces.flatMap((surface) => column(surface, 0)), right])].sort((a, b) => a - b);
      const [low, middle, high] = surfaces.map((surface) => onGrid(surface, grid));
      const start = high.findIndex((value) => value !== null);
      const corners = steps(grid.slice(start), low.slice(start), high.slice(start));
      return [
        { ...band(...corners, look.color, algorithm.name, "linear"), visible: shown(data, algorithm) },
        {
          type: "scatter",
          visible: shown(data, algorithm),
          mode: "lines",
          name: plain(algorithm.name),
          legendgroup: algorithm.name,
          x: grid,
          y: middle,
          line: { ...look, width: index ? 1.5 : 2.6, shape: "hv" },
          hovertemplate: "%{fullData.name}: %{y:.4~g} at %{x:.4~g}<extra></extra>",
        },
      ];
    });
    traces.push({
      type: "scatter",
      mode: "markers",
      name: data.exact ? "true front" : "best known",
      x: column(reference, 0),
      y: column(reference, 1),
      marker: { color: colour("ink"), size: 6 },
      hovertemplate: "reference: %{y:.4~g} at %{x:.4~g}<extra></extra>",
    });
    const values = column(reference, 1);
    const spread = data.exact && Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) > 4;
    const layout = baseLayout({
      showlegend: true,
      legend: { ...baseLayout().legend, ...STILL },
      xaxis: axisLayout(plain(data.titles[cost + 1]), { tickformat: right < 1e4 ? "~g" : "~s" }),
      yaxis: axisLayout(plain(data.titles[0]), {
        tickformat: "~g",
        ...(spread ? { type: "log", tickvals: logTicks(Math.min(...values), Math.max(...values)) } : { nticks: 8 }),
      }),
    });
    draw(div, traces, layout, `Attainment surfaces against ${data.titles[cost + 1]}`);
  });
}

/** The best value of a surface at or left of each point of a grid. */
function onGrid(surface, grid) {
  return grid.map((x) => {
    const reached = surface.filter((point) => point[0] <= x);
    return reached.length ? reached.at(-1)[1] : null;
  });
}

/** Steps as corners, for a band. */
function steps(x, low, high) {
  const corners = (values) => values.flatMap((value, index) => (index ? [values[index - 1], value] : [value]));
  const across = x.flatMap((value, index) => (index ? [value, value] : [value]));
  return [across, corners(low), corners(high)];
}
