"use strict";
// Begin: the first front at once, everything else when it comes into view.

function startRun(data, root) {
  const view = new RunView(data, root);
  const front = new FrontPlot(view);
  const plots = { costs: drawCosts, leaders: drawLeaders, operations: drawOperations, positions: drawPositions, convergence: drawConvergence };
  for (const [name, drawPlots] of Object.entries(plots)) {
    const container = root.querySelector(`[data-plots="${name}"]`);
    if (container) drawPlots(view, container);
  }
  const start = view.data.picks.knee || 1;
  if (data.points.front.length) view.choose(data.points.front[start - 1]);
  else root.querySelector("[data-panel]").remove();
  root.querySelectorAll("button.draw").forEach((button) =>
    button.addEventListener("click", () => view.choose(data.points.front[button.dataset.number - 1], { follow: true })),
  );
  return { view, front };
}

async function copyText(button) {
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "copied";
  } catch {
    window.getSelection().selectAllChildren(source);
    button.textContent = "selected";
  }
  setTimeout(() => (button.textContent = "copy"), 1500);
}

async function start() {
  const entries = JSON.parse(document.getElementById("report-data").textContent);
  const runs = [];
  for (const data of entries) {
    const root = document.getElementById(data.id);
    if (data.kind === "run") runs.push(startRun(data, root));
    else drawComparison(data, root);
  }
  for (const { front } of runs) whenSeen(front.div, () => front.draw());
  const overview = document.querySelector('[data-plots="overview"]');
  if (overview) drawOverview(runs.map(({ view }) => view), overview);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.copy");
    if (button) copyText(button);
  });
  document.querySelectorAll("details").forEach((details) =>
    details.addEventListener("toggle", () => window.dispatchEvent(new Event("resize"))),
  );
  onThemeChange(redrawAll);
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    runs.forEach(({ view }) => view.chosen !== null && showPanel(view, view.chosen));
  });
  // The front is what a reader has come for.
  if (runs.length) await drawNow(runs[0].front.div);
  performance.mark("interactive");
}

start();
