"use strict";
// Several runs in one plot, as far as they can be held against each other.

function drawOverview(views, container) {
  drawRunsConvergence(views, container);
  const objectives = views.map((view) => view.axesOf("objective").map((axis) => axis.name).join(" "));
  const same = objectives.every((names) => names === objectives[0]);
  const ranked = views.some((view) => view.axesOf("objective").some((axis) => axis.name === "score"));
  if (!same || ranked || views[0].axesOf("objective").length < 2) {
    const alike = ranked ? "each run's scores are ranks by its own first population" : "they have one objective only";
    const why = same ? alike : "their objectives differ";
    container.append(element("p", { className: "note" }, `The fronts are not drawn into one plot: ${why}.`));
    return;
  }
  const div = addPlot(container, "Fronts", 340);
  whenSeen(div, () => {
    const [y, x] = views[0].axesOf("objective");
    const traces = views.map((view, index) => {
      const [up, across] = [view.axes.get(y.name), view.axes.get(x.name)];
      const { front } = view.data.points;
      return {
        type: "scatter",
        mode: "markers",
        name: plain(view.data.name),
        x: front.map((position) => across.values[position]),
        y: front.map((position) => up.values[position]),
        text: front.map((position) => hoverText(view, position)),
        hovertemplate: "%{text}<extra></extra>",
        marker: { size: 8, color: lineLook(index).color, symbol: index, line: { width: 0.8, color: colour("surface") } },
      };
    });
    const layout = baseLayout({ xaxis: dataAxis(x), yaxis: shortAxis(y), showlegend: true });
    draw(div, traces, layout, `Fronts of ${views.map((view) => view.data.name).join(", ")}`);
  });
}

function drawRunsConvergence(views, container) {
  const known = views.filter((view) => view.data.history.evaluations);
  if (!known.length) return;
  const div = addPlot(container, "Hypervolume, each scaled by its own run", 340);
  whenSeen(div, () => {
    const traces = known.map((view, index) => ({
      type: "scatter",
      mode: "lines",
      name: plain(view.data.name),
      x: view.data.history.evaluations,
      y: view.data.history.hypervolume,
      line: { ...lineLook(index), width: 2 },
      hovertemplate: "%{fullData.name}: %{y:.4~g} after %{x:,}<extra></extra>",
    }));
    const layout = baseLayout({
      xaxis: axisLayout("networks evaluated", { rangemode: "tozero", tickformat: "~s" }),
      yaxis: axisLayout("hypervolume, scaled", { zeroline: false }),
      showlegend: true,
    });
    draw(div, traces, layout, `Convergence of ${known.map((view) => view.data.name).join(", ")}`);
  });
}
