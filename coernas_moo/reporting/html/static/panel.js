"use strict";
// The network that was chosen: its numbers, its drawing, its proxies, how to build it.

/** What every part of a run's entry needs: its data, its element, which network is chosen. */
class RunView {
  constructor(data, root) {
    this.data = data;
    this.root = root;
    this.axes = new Map(data.points.axes.map((axis) => [axis.name, axis]));
    this.numbers = new Map(data.points.front.map((position, index) => [position, index + 1]));
    this.outside = new Set(data.points.outside);
    this.chosen = null;
    this.listeners = [];
    this.picked = new Map();
    for (const [pick, number] of Object.entries(data.picks)) {
      this.picked.set(number, [...(this.picked.get(number) || []), pick]);
    }
  }

  get first() {
    return this.data.points.axes[0];
  }

  axesOf(...roles) {
    return this.data.points.axes.filter((axis) => roles.includes(axis.role));
  }

  /** Number in the front of a position in the data, 0 where it is not on it. */
  numberOf(position) {
    return this.numbers.get(position) || 0;
  }

  nameOf(number) {
    const picks = this.picked.get(number);
    return picks ? `network ${number}: ${picks.join(", ")}` : `network ${number}`;
  }

  onChoice(listener) {
    this.listeners.push(listener);
  }

  /** Choose a network by its position in the data; on the front it is drawn. */
  choose(position, { follow = false } = {}) {
    this.chosen = position;
    showPanel(this, position);
    this.listeners.forEach((listener) => listener(position));
    if (!follow) return;
    const panel = this.root.querySelector("[data-panel]");
    const place = panel.getBoundingClientRect();
    if (place.top > window.innerHeight * 0.85 || place.bottom < 80) panel.scrollIntoView({ block: "start" });
  }
}

function showPanel(view, position) {
  const panel = view.root.querySelector("[data-panel]");
  const number = view.numberOf(position);
  const { points, drawings, python, id } = view.data;
  panel.replaceChildren();
  panel.scrollTop = 0;
  panel.append(panelHead(view, number));
  const numbers = view.axesOf("objective", "cost").map((axis) =>
    element("li", {}, `${axis.label} `, element("b", {}, valueText(axis, axis.values[position]))),
  );
  panel.append(element("ul", { className: "numbers" }, ...numbers));
  for (const model of view.data.trained.filter(({ network }) => network === points.genotypes[position])) {
    panel.append(element("p", { className: "note" }, `Trained as ${model.name}: ${model.said}`));
  }
  panel.append(codeBlock(points.genotypes[position], `${id}-genotype`, "genotype"));
  if (number) {
    const network = drawings.networks[number - 1];
    if (network.cell.length) panel.append(element("h4", {}, "The cell"), cellGraph(network.cell, drawings.nodes));
    panel.append(architecture(drawings, number, Math.max(270, panel.clientWidth - 28)));
  } else {
    const why = view.outside.has(position) ? "It breaks a limit." : "Another network is better in every objective, or as good.";
    panel.append(element("p", { className: "note" }, `${why} Networks of the front are drawn here.`));
  }
  if (view.axesOf("proxy").length) panel.append(element("h4", {}, "Proxies"), beats(view, position));
  if (number) {
    const text = python.join("\n").replace('network("PICK")', `network("${number}")`);
    panel.append(element("h4", {}, "In Python"), codeBlock(text, `${id}-python`, "Python"));
  }
  view.root.querySelectorAll("tr.chosen").forEach((row) => row.classList.remove("chosen"));
  view.root.querySelector(`[data-number="${number}"]`)?.closest("tr").classList.add("chosen");
  document.getElementById("announcer").textContent = number ? `${view.nameOf(number)} is drawn` : "";
}

function panelHead(view, number) {
  const last = view.data.points.front.length;
  const head = element("div", { className: "panel-head" }, element("h4", {}, number ? view.nameOf(number) : "not on the front"));
  if (!number) return head;
  for (const [step, sign, label] of [[-1, "‹", "previous network"], [1, "›", "next network"]]) {
    const button = element("button", { type: "button", ariaLabel: label, disabled: number + step < 1 || number + step > last }, sign);
    button.addEventListener("click", () => {
      view.choose(view.data.points.front[number + step - 1]);
      const again = [...view.root.querySelectorAll(".panel-head button")];
      const same = again[step < 0 ? 0 : 1];
      (same.disabled ? again[step < 0 ? 1 : 0] : same).focus();
    });
    head.append(button);
  }
  return head;
}

/** Share of all networks that have a lower value of a proxy. */
function shareBeaten(axis, position) {
  const value = axis.values[position];
  const known = axis.values.filter((other) => other !== null);
  return value === null || !known.length ? 0 : known.filter((other) => other < value).length / known.length;
}

function beats(view, position) {
  const grid = element("div", { className: "beats" });
  for (const axis of view.axesOf("proxy")) {
    const share = shareBeaten(axis, position);
    const filled = element("span");
    filled.style.width = `${100 * share}%`;
    grid.append(
      element("span", {}, axis.label),
      element("span", { className: "value" }, valueText(axis, axis.values[position])),
      element("span", { className: "track" }, filled),
      element("span", { className: "value", title: "of all networks are lower" }, `> ${percent(share)}`),
    );
  }
  return grid;
}

function codeBlock(text, id, label) {
  const button = element("button", { type: "button", className: "copy", ariaLabel: `copy ${label}` }, "copy");
  button.dataset.copy = id;
  return element("div", { className: "code" }, button, element("pre", { id, tabIndex: 0, ariaLabel: label }, element("code", {}, text)));
}
