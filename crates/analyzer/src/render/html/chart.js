// Charts, as SVG.

const CHART = { height: 190, right: 4, top: 8, bottom: 22 };
const PAPER_WIDTH = 720;
const HOUR = 3600000;
const TICKS = [HOUR / 12, HOUR / 4, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 48 * HOUR, 168 * HOUR, 720 * HOUR];

/// The smallest round number that is not below a value, and whose half is round too.
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 3, 4, 6, 8, 10].map((step) => step * power).find((step) => step >= value) ?? value;
}

/// How wide charts are: as wide as the page, so that what is written in them is as large everywhere.
const chartWidth = () => (onPaper ? PAPER_WIDTH : Math.max($("main").clientWidth, 280));

/// Scales for a chart of some height over moments from `first` to `last`; what lies outside of them is at its edge.
function frame(first, last, most, height) {
  const { right, top, bottom } = CHART;
  const width = chartWidth();
  const plot = { left: 12 + 7 * number(most).length, right: width - right, top, bottom: height - bottom };
  const part = (ms) => Math.min(Math.max((ms - first) / Math.max(last - first, 1), 0), 1);
  return {
    ...plot,
    width,
    height,
    x: (ms) => plot.left + part(ms) * (plot.right - plot.left),
    y: (value) => plot.bottom - (value / Math.max(most, 1)) * (plot.bottom - plot.top),
  };
}

function axes(scale, first, last, most) {
  const marks = [];
  for (const value of [0, most / 2, most]) {
    if (!Number.isInteger(value)) continue;
    const y = scale.y(value);
    marks.push(svg("line", { class: "grid", x1: scale.left, x2: scale.right, y1: y, y2: y }));
    marks.push(svg("text", { class: "axis", x: scale.left - 6, y: y + 4, "text-anchor": "end" }, number(value)));
  }
  const every = TICKS.find((tick) => (last - first) / tick <= scale.width / 120) ?? last - first;
  for (let at = Math.ceil(first / every) * every; at <= last; at += every) {
    const text = at % (24 * HOUR) === 0 ? moment(at).slice(5, 10) : moment(at).slice(11);
    const x = scale.x(at);
    const anchor = x > scale.right - 30 ? "end" : x < scale.left + 15 ? "start" : "middle";
    marks.push(svg("text", { class: "axis", x, y: scale.height - 6, "text-anchor": anchor }, text));
  }
  return marks;
}

/// Requests over time, as bars of classes; `choose(from, to)` is told what was dragged across.
function drawRequests(choose) {
  const { width, bars: shown } = bars();
  const sum = ({ classes }) => CLASSES.reduce((all, [name]) => all + classes[name], 0);
  const busiest = shown.reduce((one, other) => (sum(other) > sum(one) ? other : one));
  const most = roundUp(Math.max(1, sum(busiest)));
  const [first, last] = SPAN;
  const scale = frame(first, last, most, CHART.height);
  const drawn = shown.map(({ at, classes }) => {
    const x = scale.x(at);
    const wide = scale.x(at + width) - x;
    const told = CLASSES.filter(([name]) => classes[name] > 0);
    let below = 0;
    const parts = told.map(([name]) => {
      const y = scale.y(below + classes[name]);
      const height = scale.y(below) - y;
      below += classes[name];
      return svg("rect", { class: name, x, y, width: Math.max(wide - (wide > 3 ? 1 : 0), 0.6), height });
    });
    const title = [moment(at), ...told.map(([name, words]) => `${words}: ${number(classes[name])}`)].join("\n");
    return svg("g", {}, svg("title", {}, title), parts,
      svg("rect", { class: "hit", x, y: scale.top, width: wide, height: scale.bottom - scale.top }));
  });
  const unit = `one bar is ${duration(width / 1000)}`;
  const label = `Requests over time, ${moment(first)} to ${moment(last)} UTC, ${unit}; the busiest is ${moment(busiest.at)} with ${number(sum(busiest))}`;
  const picture = svg("svg", { viewBox: `0 0 ${scale.width} ${CHART.height}`, role: "img", "aria-label": label },
    axes(scale, first, last, most), drawn, selection(scale));
  brush(picture, scale, choose);
  $("chart").replaceChildren(picture);
  $("chart-unit").textContent = `Requests; ${unit}.`;
}

/// Shades what lies outside of the chosen range.
function selection(scale) {
  if (chosen.from === null) return [];
  const [from, to] = [scale.x(start(chosen.from)), scale.x(start(chosen.to))];
  const box = { class: "shade", y: scale.top, height: scale.bottom - scale.top };
  const edge = (x) => svg("line", { class: "edge", x1: x, x2: x, y1: scale.top, y2: scale.bottom });
  return [
    svg("rect", { ...box, x: scale.left, width: Math.max(from - scale.left, 0) }),
    svg("rect", { ...box, x: to, width: Math.max(scale.right - to, 0) }),
    edge(from),
    edge(to),
  ];
}

/// Dragging chooses a range, a click one interval.
function brush(picture, scale, choose) {
  const interval = (event) => {
    const box = picture.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * scale.width;
    const part = (x - scale.left) / (scale.right - scale.left);
    const at = Math.floor((SPAN[0] + part * (SPAN[1] - SPAN[0]) - START) / WIDTH);
    return Math.min(Math.max(at, 0), INTERVALS - 1);
  };
  picture.addEventListener("pointerdown", (down) => {
    if (down.button !== 0) return;
    down.preventDefault();
    const [from, started] = [interval(down), down.clientX];
    const up = (event) => {
      const to = interval(event);
      const click = Math.abs(event.clientX - started) < 4;
      if (click && chosen.from !== null) choose(null, null);
      else choose(Math.min(from, to), Math.max(from, to) + 1);
    };
    window.addEventListener("pointerup", up, { once: true });
  });
}

function drawLegend() {
  $("legend").replaceChildren(...CLASSES.map(([name, words]) =>
    el("li", {}, svg("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" }, svg("rect", { class: name, width: 10, height: 10, rx: 2 })), words)));
}

/// A row's requests over time.
function sparkline(intervals) {
  const most = Math.max(1, ...intervals);
  const bars = Array.from(intervals, (value, at) => [value, at]).filter(([value]) => value > 0);
  const label = bars.length === 0 ? "none" : `most at ${moment(start(intervals.indexOf(most)))}`;
  return svg("svg", { class: "line", viewBox: `0 0 ${Math.max(intervals.length, 1)} 20`, preserveAspectRatio: "none", role: "img", "aria-label": label },
    bars.map(([value, at]) => {
      const height = Math.max((20 * value) / most, 2);
      return svg("rect", { class: "spark", x: at, y: 20 - height, width: 1, height });
    }));
}

/// A row's share of all.
function bar(value, all) {
  return svg("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "ok", width: (100 * value) / Math.max(all, 1), height: 10, rx: 1 }));
}

/// The lowest number of requests left over time, and the limit, which must be told.
function drawLevel(limit) {
  const height = 120;
  const width = limit.intervalSeconds * 1000;
  const [from, to] = chosen.from === null ? SPAN : [start(chosen.from), start(chosen.to)];
  const points = limit.series
    .map((point) => ({ at: Date.parse(point.start), left: point.lowestRemaining }))
    .filter((point) => point.left !== null && point.at + width > from && point.at < to);
  const most = Math.max(limit.limit, ...points.map((point) => point.left), 1);
  const scale = frame(from, to, most, height);
  const runs = [];
  points.forEach((point, index) => {
    if (index === 0 || point.at - points[index - 1].at > width) runs.push([]);
    runs.at(-1).push(point);
  });
  const { x } = scale;
  const shapes = runs.flatMap((run) => {
    const line = run.map((point) => `${x(point.at)},${scale.y(point.left)} ${x(point.at + width)},${scale.y(point.left)}`).join(" ");
    const [begin, end] = [x(run[0].at), x(run.at(-1).at + width)];
    return [
      svg("polygon", { class: "area", points: `${begin},${scale.bottom} ${line} ${end},${scale.bottom}` }),
      svg("polyline", { class: "level", points: line }),
    ];
  });
  const label = `Requests left of ${limit.bucket} over time; the lowest is ${limit.lowestRemaining ?? "untold"} of ${limit.lowestOf ?? limit.limit ?? "untold"}`;
  const top = scale.y(limit.limit);
  return svg("svg", { viewBox: `0 0 ${scale.width} ${height}`, role: "img", "aria-label": label }, axes(scale, from, to, most), shapes,
    svg("line", { class: "limit", x1: scale.left, x2: scale.right, y1: top, y2: top }));
}
