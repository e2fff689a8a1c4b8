"use strict";
// One network as a picture: boxes from image to classes, stage by stage, and the graph of its cell.

const SVG = "http://www.w3.org/2000/svg";
const EDGE_COLOURS = { skip_connect: "faint", nor_conv_1x1: "orange", nor_conv_3x3: "blue", avg_pool_3x3: "green" };

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Rows of a drawing, those of one stage together. */
function stages(rows) {
  const found = [];
  for (const row of rows) {
    const [stage] = row;
    if (!found.length || found.at(-1).stage !== stage || !stage) found.push({ stage, rows: [] });
    found.at(-1).rows.push(row);
  }
  return found;
}

function costText(params, macs) {
  const parts = [];
  if (params) parts.push(`${countText(params)} params`);
  if (macs) parts.push(`${countText(macs)} MACs`);
  return parts.join(" · ");
}

/** The boxes of a network as an SVG element of that width in pixels. */
function architecture(drawings, number, width) {
  const network = drawings.networks[number - 1];
  const rows = network.rows.map((index) => drawings.rows[index]);
  const svg = shape("svg", { class: "drawing architecture", role: "img" });
  const most = Math.max(1, ...rows.map((row) => row[5]));
  const middle = width / 2;
  let y = 14;
  svg.append(shape("text", { x: middle, y, "text-anchor": "middle", class: "small" }, `image ${drawings.input}`));
  y += 6;
  for (const { stage, rows: group } of stages(rows)) {
    const framed = stage !== "";
    const top = y + 14;
    svg.append(arrow(middle, y, top));
    y = top + (framed ? 22 : 0);
    if (framed) {
      svg.append(shape("text", { x: 12, y: top + 15, class: "small" }, stage));
      const params = group.reduce((sum, row) => sum + row[4], 0);
      const macs = group.reduce((sum, row) => sum + row[5], 0);
      svg.append(shape("text", { x: width - 10, y: top + 15, "text-anchor": "end", class: "small" }, costText(params, macs)));
    }
    group.forEach((row, index) => {
      if (index) {
        svg.append(arrow(middle, y, y + 12));
        y += 12;
      }
      svg.append(box(row, framed ? 8 : 0, y, width - (framed ? 16 : 0), most));
      y += 40;
    });
    if (framed) {
      y += 8;
      svg.prepend(shape("rect", { x: 0.5, y: top, width: width - 1, height: y - top, rx: 7, class: "stage" }));
    }
  }
  svg.append(shape("text", { x: 0, y: y + 22, class: "total", "font-weight": "bold" }, "total"));
  const total = costText(network.params, network.macs);
  svg.append(shape("text", { x: width, y: y + 22, "text-anchor": "end", "font-weight": "bold" }, total));
  svg.setAttribute("viewBox", `0 0 ${width} ${y + 30}`);
  svg.setAttribute("aria-label", `Network ${number}: ${rows.map((row) => row[1]).join(", ")}; ${total}`);
  return svg;
}

function box([, text, kind, output, params, macs], x, y, width, most) {
  const group = shape("g", {});
  group.append(shape("title", {}, `${text}, output ${output}, ${costText(params, macs) || "no weights"}`));
  group.append(shape("rect", { x: x + 0.5, y, width: width - 1, height: 40, rx: 5, class: `box-${kind}` }));
  const room = Math.floor((width - 20) / 6.3);
  const shown = text.length > room ? `${text.slice(0, room - 1)}…` : text;
  group.append(shape("text", { x: x + 10, y: y + 16 }, shown));
  group.append(shape("text", { x: x + 10, y: y + 31, class: "small" }, output));
  group.append(shape("text", { x: x + width - 10, y: y + 31, "text-anchor": "end", class: "small" }, costText(params, macs)));
  if (macs) {
    const length = ((width - 12) * macs) / most;
    group.append(shape("rect", { x: x + 6, y: y + 35.5, width: Math.max(1, length), height: 3, rx: 1.5, class: "share" }));
  }
  return group;
}

function arrow(x, from, to) {
  const group = shape("g", {});
  group.append(shape("path", { d: `M${x} ${from} V${to - 5}`, class: "arrow" }));
  group.append(shape("path", { d: `M${x - 3.5} ${to - 6} L${x} ${to} L${x + 3.5} ${to - 6} Z`, class: "tip" }));
  return group;
}

/** The graph of a cell: nodes from left to right, an arc for each edge that has an operation. */
function cellGraph(edges, nodes) {
  const gap = 105;
  const [left, middle] = [22, 100];
  const bends = { "0-2": 0.62, "1-3": -0.62, "0-3": 0.66 };
  const svg = shape("svg", { class: "drawing cell", viewBox: `0 0 ${2 * left + gap * (nodes - 1)} 184`, role: "img" });
  const names = [...Array(nodes).keys()].map((node) => (node === 0 ? "in" : node === nodes - 1 ? "out" : String(node)));
  const said = edges.map(([source, target, , label]) => `${label} from ${names[source]} to ${names[target]}`);
  svg.setAttribute("aria-label", `The cell: ${said.join(", ") || "no edge"}`);
  const used = new Set([0, nodes - 1, ...edges.flatMap(([source, target]) => [source, target])]);
  const labels = [];
  for (const [source, target, operation, label] of edges) {
    const stroke = `var(--${EDGE_COLOURS[operation] || "vermillion"})`;
    const [start, end] = [left + source * gap, left + target * gap];
    const bend = bends[`${source}-${target}`] || 0;
    const height = -bend * (end - start) * 0.5;
    const angle = Math.atan2(2 * height, end - start);
    const [dx, dy] = [17 * Math.cos(angle), 17 * Math.sin(angle)];
    const path = `M${start + dx} ${middle + dy} Q${(start + end) / 2} ${middle + height} ${end - dx} ${middle + dy}`;
    svg.append(shape("path", { d: path, class: "edge", style: `stroke:${stroke}`, ...(operation === "skip_connect" ? { "stroke-dasharray": "5 4" } : {}) }));
    const tip = { class: "head", style: `fill:${stroke}`, d: "M1 0 L-9 -4.5 L-9 4.5 Z" };
    svg.append(shape("path", { ...tip, transform: `translate(${end - dx} ${middle + dy}) rotate(${(-angle * 180) / Math.PI})` }));
    const x = (start + end) / 2;
    const y = middle + (dy + height) / 2;
    labels.push(shape("rect", { x: x - label.length * 3.3 - 4, y: y - 8, width: label.length * 6.6 + 8, height: 16, rx: 3, class: "plate" }));
    labels.push(shape("text", { x, y: y + 4, "text-anchor": "middle", class: "small" }, label));
  }
  svg.append(...labels);
  names.forEach((name, node) => {
    const group = shape("g", { class: used.has(node) ? "" : "unused" });
    group.append(shape("circle", { cx: left + node * gap, cy: middle, r: 15, class: "node" }));
    group.append(shape("text", { x: left + node * gap, y: middle + 4, "text-anchor": "middle" }, name));
    svg.append(group);
  });
  return svg;
}
