"use strict";
// The front: every evaluated network, two axes to choose, one more as colour.

class FrontPlot {
  constructor(view) {
    this.view = view;
    this.div = view.root.querySelector('[data-plot="front"]');
    this.cursor = -1;
    this.bound = false;
    this.selects = Object.fromEntries(
      [...view.root.querySelectorAll("[data-axis]")].map((select) => [select.dataset.axis, select]),
    );
    this.fillSelects();
    view.onChoice(() => this.markChosen());
    this.div.addEventListener("keydown", (event) => this.onKey(event));
  }

  fillSelects() {
    const { axes } = this.view.data.points;
    const objectives = this.view.axesOf("objective");
    const across = objectives[1] || this.view.axesOf("cost")[0] || axes.at(-1);
    const start = { x: across.name, y: axes[0].name, colour: objectives[2]?.name || "" };
    for (const [role, select] of Object.entries(this.selects)) {
      if (role === "colour") select.append(element("option", { value: "" }, "none"));
      select.append(...axes.map((axis) => element("option", { value: axis.name }, axis.label)));
      select.value = start[role];
      select.addEventListener("change", () => this.draw());
    }
  }

  axis(role) {
    return this.view.axes.get(this.selects[role].value);
  }

  async draw() {
    const { traces, layout } = this.figure();
    this.legend();
    await draw(this.div, traces, layout);
    if (!this.bound) {
      this.bound = true;
      chooseOnClick(this.view, this.div);
    }
  }

  legend() {
    const { genotypes, front, outside } = this.view.data.points;
    const count = (number) => number.toLocaleString("en");
    const entries = [
      { sign: "●", shade: colour("blue"), name: `front (${count(front.length)})` },
      { sign: "·", shade: colour("ink"), name: `evaluated (${count(genotypes.length)})` },
    ];
    if (outside.length) entries.push({ sign: "×", shade: colour("dot"), name: `breaks a limit (${count(outside.length)})` });
    for (const picks of this.view.picked.values()) {
      const [shade, symbol] = PICK_LOOKS[picks[0]];
      entries.push({ sign: SIGNS[symbol], shade: colour(shade), name: picks.join(", ") });
    }
    addLegend(this.div, entries);
  }

  figure() {
    const { points } = this.view.data;
    const [x, y, shade] = [this.axis("x"), this.axis("y"), this.axis("colour")];
    const everything = points.genotypes.map((_, position) => position);
    const others = everything.filter((position) => !this.view.numberOf(position));
    const inside = others.filter((position) => !this.view.outside.has(position));
    const outside = others.filter((position) => this.view.outside.has(position));
    const dot = { size: 5, color: colour("dot"), opacity: 0.45 };
    const traces = [this.trace("evaluated", inside, dot)];
    if (outside.length) traces.push(this.trace("breaks a limit", outside, { ...dot, symbol: "x-thin-open", opacity: 0.6 }));
    if (x.direction && y.direction && x !== y) traces.push(bestLine(points.front, x, y));
    const marker = { size: 9, color: colour("blue"), line: { width: 1, color: colour("surface") } };
    if (shade) {
      marker.color = points.front.map((position) => shade.values[position]);
      Object.assign(marker, { colorscale: sequentialScale(), colorbar: this.colourBar(shade) });
    }
    this.frontTrace = traces.length;
    traces.push(this.trace("front", points.front, marker));
    const named = [...this.view.picked].map(([number, picks]) => [points.front[number - 1], picks]);
    traces.push(...named.map(([position, picks]) => this.pick(position, picks)));
    this.chosenTrace = traces.length;
    traces.push(this.ring());
    const layout = baseLayout({
      xaxis: dataAxis(x),
      yaxis: (NARROW.matches ? shortAxis : dataAxis)(y, { nticks: 8 }),
      margin: { l: 56, r: 12, t: 10, b: 50 },
      uirevision: `${x.name} ${y.name}`,
    });
    return { traces, layout };
  }

  trace(name, positions, marker) {
    const [x, y] = [this.axis("x"), this.axis("y")];
    return {
      type: "scatter",
      mode: "markers",
      name,
      x: positions.map((position) => x.values[position]),
      y: positions.map((position) => y.values[position]),
      customdata: positions,
      text: positions.map((position) => hoverText(this.view, position)),
      hovertemplate: "%{text}<extra></extra>",
      marker,
    };
  }

  pick(position, picks) {
    const [name, symbol] = PICK_LOOKS[picks[0]];
    const size = symbol === "star" ? 17 : 12;
    return this.trace(picks.join(", "), [position], { size, symbol, color: colour(name), line: { width: 1.2, color: colour("surface") } });
  }

  ring() {
    const position = this.view.chosen;
    const shown = position === null ? [] : [position];
    return {
      ...this.trace("drawn", shown, { size: 20, symbol: "circle-open", color: colour("ink"), line: { width: 2 } }),
      hoverinfo: "skip",
      hovertemplate: null,
    };
  }

  colourBar(axis) {
    const flat = NARROW.matches;
    return {
      title: { text: plain(axis.label + (axis.unit ? `, ${axis.unit}` : "")), side: flat ? "top" : "right", font: { size: 11.5, color: colour("faint") } },
      thickness: 9,
      outlinewidth: 0,
      tickfont: { size: 10.5, color: colour("faint") },
      tickformat: axis.unit ? "~g" : "~s",
      ...(flat ? { orientation: "h", y: -0.25, yanchor: "top", len: 0.9, x: 0.5, xanchor: "center" } : { len: 0.9 }),
    };
  }

  markChosen() {
    if (!this.bound) return;
    const { x, y } = this.ring();
    Plotly.restyle(this.div, { x: [x], y: [y] }, [this.chosenTrace]);
  }

  /** Along the front from left to right. */
  order() {
    const { values } = this.axis("x");
    const { front } = this.view.data.points;
    return front.map((_, index) => index).sort((a, b) => values[front[a]] - values[front[b]] || a - b);
  }

  onKey(event) {
    const order = this.order();
    const last = order.length - 1;
    if (event.target !== this.div || last < 0) return;
    const moves = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
    if (event.key in moves) {
      const from = this.cursor < 0 ? (moves[event.key] > 0 ? -1 : last + 1) : this.cursor;
      this.cursor = Math.min(last, Math.max(0, from + moves[event.key]));
    } else if (event.key === "Home") this.cursor = 0;
    else if (event.key === "End") this.cursor = last;
    else if (event.key === "Enter" && this.cursor >= 0) {
      this.view.choose(this.view.data.points.front[order[this.cursor]], { follow: true });
    } else return;
    event.preventDefault();
    Plotly.Fx.hover(this.div, [{ curveNumber: this.frontTrace, pointNumber: order[this.cursor] }]);
    if (event.key !== "Enter") this.announce(order[this.cursor]);
  }

  announce(index) {
    const position = this.view.data.points.front[index];
    const values = this.view.axesOf("objective").map((axis) => `${axis.label} ${valueText(axis, axis.values[position])}`);
    document.getElementById("announcer").textContent = `${this.view.nameOf(index + 1)}, ${values.join(", ")}`;
  }
}

function chooseOnClick(view, div) {
  div.on("plotly_click", (event) => {
    const position = event.points[0]?.customdata;
    if (position !== undefined) view.choose(position, { follow: true });
  });
}

/** What hovering over a network shows. */
function hoverText(view, position) {
  const number = view.numberOf(position);
  const name = number ? view.nameOf(number) : view.outside.has(position) ? "breaks a limit" : "not on the front";
  const shown = view.axesOf("objective", "cost", "proxy").map((axis) => `${axis.label}  ${valueText(axis, axis.values[position])}`);
  const genotype = lines(view.data.points.genotypes[position], NARROW.matches ? 32 : 46);
  return [`<b>${plain(name)}</b>`, ...genotype.map(plain), ...shown.map(plain)].join("<br>");
}

/** The line through those of the front that none beats in these two axes. */
function bestLine(front, x, y) {
  const sign = (axis) => (axis.direction === "max" ? -1 : 1);
  const known = front.filter((position) => x.values[position] !== null && y.values[position] !== null);
  const sorted = known.sort((a, b) => sign(x) * (x.values[a] - x.values[b]) || sign(y) * (y.values[a] - y.values[b]));
  let best = Infinity;
  const kept = sorted.filter((position) => {
    const better = sign(y) * y.values[position] < best;
    if (better) best = sign(y) * y.values[position];
    return better;
  });
  return {
    type: "scatter",
    mode: "lines",
    x: kept.map((position) => x.values[position]),
    y: kept.map((position) => y.values[position]),
    line: { color: faded(colour("blue"), 0.8), width: 1.6, shape: "hv" },
    hoverinfo: "skip",
  };
}
