"use strict";
// The smaller plots of a run.

const LEADERS = 4;

/** The first objective against each cost. */
function drawCosts(view, container) {
  const { points } = view.data;
  const first = view.first;
  const costs = view.axesOf("objective", "cost").filter((axis) => axis !== first);
  for (const cost of costs.length ? costs : view.axesOf("order")) {
    const div = addPlot(container, null, 300);
    const task = () => {
      const others = points.genotypes.map((_, position) => position).filter((position) => !view.numberOf(position));
      const cloud = (positions, marker, hover) => ({
        type: "scatter",
        mode: "markers",
        x: positions.map((position) => cost.values[position]),
        y: positions.map((position) => first.values[position]),
        customdata: positions,
        marker,
        ...(hover
          ? { text: positions.map((position) => hoverText(view, position)), hovertemplate: "%{text}<extra></extra>" }
          : { hoverinfo: "skip" }),
      });
      const traces = [cloud(others, { size: 3.5, color: colour("dot"), opacity: 0.4 }, false)];
      if (cost.direction && first.direction) traces.push(bestLine([...points.front], cost, first));
      traces.push(cloud(points.front, { size: 6.5, color: colour("blue"), line: { width: 0.8, color: colour("surface") } }, true));
      for (const [number, picks] of view.picked) {
        const [name, symbol] = PICK_LOOKS[picks[0]];
        traces.push(cloud([points.front[number - 1]], { size: symbol === "star" ? 14 : 10, symbol, color: colour(name) }, true));
      }
      const layout = baseLayout({ xaxis: dataAxis(cost, { nticks: 6 }), yaxis: shortAxis(first, { nticks: 6 }) });
      draw(div, traces, layout, `${first.label} against ${cost.label} of ${points.genotypes.length} networks`);
    };
    div.addEventListener("firstdrawn", () => chooseOnClick(view, div));
    whenSeen(div, task);
  }
}

/** Of every dimension, what share of the networks each leader leaves behind. */
function drawLeaders(view, container) {
  const div = addPlot(container, null, 320);
  const proxies = view.axesOf("proxy");
  const task = () => {
    const leaders = [...view.picked].slice(0, LEADERS).map(([number, picks]) => ({
      position: view.data.points.front[number - 1],
      name: `${number}: ${picks.join(", ")}`,
      colour: colour(PICK_LOOKS[picks[0]][0]),
    }));
    if (view.chosen !== null && !leaders.some((leader) => leader.position === view.chosen)) {
      const number = view.numberOf(view.chosen);
      leaders.push({ position: view.chosen, name: number ? `${number}: drawn` : "chosen", colour: colour("sky") });
    }
    const traces = leaders.map((leader) => ({
      type: "bar",
      name: leader.name,
      x: proxies.map((axis) => plain(axis.label)),
      y: proxies.map((axis) => 100 * shareBeaten(axis, leader.position)),
      text: proxies.map((axis) => valueText(axis, axis.values[leader.position])),
      textposition: "none",
      hovertemplate: "%{fullData.name}<br>%{x} %{text}<br>beats %{y:.0f} % of all<extra></extra>",
      marker: { color: leader.colour },
    }));
    const layout = baseLayout({
      barmode: "group",
      bargap: 0.3,
      bargroupgap: 0.08,
      xaxis: axisLayout("", { ticks: "", tickangle: 0, tickfont: { size: NARROW.matches ? 10 : 12.5, color: colour("ink") } }),
      yaxis: axisLayout("leaves behind, %", { range: [0, 100], nticks: 6 }),
    });
    addLegend(div, leaders.map((leader) => ({ sign: "■", shade: leader.colour, name: leader.name })));
    draw(div, traces, layout, `Dimensions of ${leaders.map((leader) => leader.name).join("; ")}`);
  };
  whenSeen(div, task);
  view.onChoice(() => drawn.has(task) && task());
}

function shares(counts) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => (total ? (100 * count) / total : 0));
}

/** The sum over genes of how often each option was chosen. */
function overGenes(table, options) {
  return options.map((_, option) => table.reduce((sum, gene) => sum + gene[option], 0));
}

/** How often each option is chosen, on the front and among all. */
function drawOperations(view, container) {
  for (const segment of view.data.operations) {
    const { options } = segment;
    const div = addPlot(container, segment.name, 62 + 34 * options.length);
    whenSeen(div, () => {
      const bars = (name, table, shade) => {
        const counts = overGenes(table, options);
        return {
          type: "bar",
          orientation: "h",
          name,
          y: options.map(plain),
          x: shares(counts),
          text: counts,
          textposition: "none",
          hovertemplate: `%{y}: %{x:.1f} % of the choices ${name} (%{text})<extra></extra>`,
          marker: { color: shade },
        };
      };
      const looks = [["among all", colour("dot")], ["on the front", colour("blue")]];
      const traces = [bars(looks[0][0], segment.archive, looks[0][1]), bars(looks[1][0], segment.front, looks[1][1])];
      addLegend(div, looks.map(([name, shade]) => ({ sign: "■", shade, name })).reverse());
      const layout = baseLayout({
        barmode: "group",
        bargap: 0.3,
        margin: { l: 20, r: 16, t: 4, b: 40 },
        xaxis: axisLayout("% of choices", { rangemode: "tozero", nticks: 6 }),
        yaxis: axisLayout("", { type: "category", autorange: "reversed", ticks: "", tickfont: { size: 12, color: colour("ink") } }),
      });
      draw(div, traces, layout, `Choices of the segment ${segment.name}`);
    });
  }
}

/** The same by gene: where the front differs from the rest. */
function drawPositions(view, container) {
  for (const segment of view.data.operations) {
    const { options, genes } = segment;
    const div = addPlot(container, segment.name, 110 + 26 * options.length);
    whenSeen(div, () => {
      const front = segment.front.map(shares);
      const everything = segment.archive.map(shares);
      const across = (table) => options.map((_, option) => genes.map((_, gene) => table[gene][option]));
      const difference = across(front.map((gene, index) => gene.map((share, option) => share - everything[index][option])));
      const most = Math.max(10, ...difference.flat().map(Math.abs));
      const trace = {
        type: "heatmap",
        x: genes.map(plain),
        y: options.map(plain),
        z: difference,
        zmin: -most,
        zmax: most,
        xgap: 2,
        ygap: 2,
        colorscale: [[0, colour("orange")], [0.5, colour("head")], [1, colour("blue")]],
        showscale: false,
        customdata: across(everything),
        text: across(front).map((row) => row.map((share) => share.toFixed(0))),
        texttemplate: "%{text}",
        textfont: { size: 10.5 },
        hovertemplate: "%{y} at %{x}: %{text} % of the front, %{customdata:.0f} % among all<extra></extra>",
      };
      const layout = baseLayout({
        margin: { l: 20, r: 8, t: 8, b: 30 },
        xaxis: axisLayout("", { type: "category", ticks: "", showgrid: false }),
        yaxis: axisLayout("", { type: "category", autorange: "reversed", ticks: "", showgrid: false }),
      });
      draw(div, [trace], layout, `Choices of the segment ${segment.name} by position`);
    });
  }
}

/** Hypervolume, best value and speed, a point a generation. */
function drawConvergence(view, container) {
  const { history } = view.data;
  const { evaluations, generation, seconds } = history;
  const first = view.first;
  const speed = seconds.map((time, index) => {
    const passed = time - (index ? seconds[index - 1] : 0);
    const made = evaluations[index] - (index ? evaluations[index - 1] : 0);
    return passed > 0 ? made / passed : null;
  });
  const curves = [
    ["Hypervolume of the front", history.hypervolume, "hypervolume, scaled", "blue", "~g"],
    [`Best ${first.label}`, history.best, first.label + (first.unit ? `, ${first.unit}` : ""), "green", "~g"],
    ["Networks on the front", history.front, "networks", "purple", "~s"],
    ["Evaluations a second", speed, "evaluations a second", "orange", "~s"],
  ];
  for (const [title, values, label, shade, tickformat] of curves) {
    if (!values) continue;
    const div = addPlot(container, title, 230);
    whenSeen(div, () => {
      const trace = {
        type: "scatter",
        mode: evaluations.length > 40 ? "lines" : "lines+markers",
        x: evaluations,
        y: values,
        customdata: generation,
        line: { color: colour(shade), width: 2 },
        marker: { size: 5 },
        hovertemplate: "%{y:.4~g} after %{x:,} evaluations, generation %{customdata}<extra></extra>",
      };
      const layout = baseLayout({
        xaxis: axisLayout("networks evaluated", { rangemode: "tozero", nticks: 6, tickformat: "~s" }),
        yaxis: axisLayout(plain(label), { nticks: 5, tickformat, zeroline: false, ...(title.startsWith("Eval") ? { rangemode: "tozero" } : {}) }),
      });
      draw(div, [trace], layout, `${title}, from ${values[0]} to ${values.at(-1)}`);
    });
  }
}
