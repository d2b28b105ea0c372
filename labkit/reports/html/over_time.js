"use strict";
// Small charts over time, one per timeline: requests in flight, memory and threads.

const MOST_POINTS = 400; // a small chart has no more pixels across
const FLIGHT_HEIGHT = 120;
const MEMORY = { bottom: 74, top: 26, label: 13 };
const THREADS = { bottom: 156, top: 108, label: 97 };

lab.overTime = {
  /** Draw the charts of the trials that the timelines show. */
  draw(trials) {
    this.flight(document.getElementById("flight"), trials);
    this.memory(document.getElementById("memory"), trials);
  },

  /** One chart per trial, all with the same axis. */
  cards(holder, trials, height, title, keys, draw) {
    lab.legend(document.getElementById(`${holder.id}-legend`), keys);
    holder.replaceChildren();
    const last = d3.max(trials, (trial) => trial.makespan ?? d3.max(trial.requests.end) ?? 0) || 1;
    for (const trial of trials) {
      const card = lab.element("article", "", "card");
      const figure = lab.element("figure");
      card.append(lab.element("h3", lab.text.name(trial)), figure);
      holder.append(card);
      const width = figure.clientWidth;
      const svg = lab.charts.svg(width, height + 24, `${lab.text.name(trial)}: ${title}`);
      const x = d3.scaleLinear([0, last], [52, width - 8]);
      const seconds = d3.scaleLinear(x.domain().map(lab.s), x.range());
      svg.append("g").attr("transform", `translate(0,${height})`).call(d3.axisBottom(seconds).ticks(5).tickFormat((tick) => `${tick} s`).tickSize(4));
      draw(svg, x, trial);
      figure.append(svg.node());
      const description = { title: `${lab.text.name(trial)}: ${title}`, subtitle: lab.data.points[trial.point], legends: [keys] };
      card.append(lab.pictures.buttons(description.title, () => lab.pictures.ofChart(svg.node(), description)));
    }
  },

  /** The left axis of a small chart, and its faint lines. */
  scale(svg, x, most, [bottom, top], format) {
    const y = d3.scaleLinear([0, most || 1], [bottom, top]);
    const ticks = y.ticks(3).filter((tick) => format || Number.isInteger(tick));
    const axis = d3.axisLeft(y).tickValues(ticks).tickSize(-(x.range()[1] - x.range()[0])).tickFormat(format ?? d3.format("d"));
    svg.append("g").attr("transform", `translate(${x.range()[0]},0)`).call(axis).select(".domain").remove();
    return y;
  },

  steps(svg, x, y, points, name, filled) {
    const shape = filled ? d3.area().y0(y(0)).y1((point) => y(point[1])) : d3.line().y((point) => y(point[1]));
    shape.x((point) => x(point[0])).curve(d3.curveStepAfter);
    const path = svg.append("path").attr("d", shape(lab.thinned(points)));
    path.style("fill", filled ? `var(--${name})` : "none");
    if (!filled) path.style("stroke", `var(--${name})`).style("stroke-width", 2);
  },

  flight(holder, trials) {
    const lines = new Map(trials.map((trial) => [trial, {
      client: lab.counted(trial.requests.start, trial.requests.start.map((_, at) => lab.endOf(trial, at))),
      server: lab.counted(
        [...trial.requests.served, ...trial.unmatched.map((row) => row[1])].filter((moment) => moment !== null),
        [...trial.requests.left, ...trial.unmatched.map((row) => row[2])].filter((moment) => moment !== null),
      ),
      sockets: d3.zip(trial.samples.t, trial.samples.in_flight).filter(([t, count]) => count !== null && t >= 0),
    }]));
    const most = d3.max(lines.values(), (each) => d3.max([...each.client, ...each.sockets], (point) => point[1]));
    const { fill, circles } = lab.swatches;
    const keys = [
      ["in flight, not being served", fill("queued")],
      ["being served", fill("served")],
      ["open sockets, sampled", circles([0.2, 0.5, 0.8], 1.5, "ink", "ink")],
    ];
    this.cards(holder, trials, FLIGHT_HEIGHT, "requests in flight", keys, (svg, x, trial) => {
      const { client, server, sockets } = lines.get(trial);
      const y = this.scale(svg, x, most, [FLIGHT_HEIGHT, 6]);
      this.steps(svg, x, y, client, "queued", true);
      this.steps(svg, x, y, server, "served", true);
      const seen = lab.thinned(sockets).filter(([t]) => t <= x.domain()[1]);
      svg.append("g").selectAll("circle").data(seen).join("circle")
        .attr("cx", (point) => x(point[0])).attr("cy", (point) => y(point[1])).attr("r", 1.7).style("fill", "var(--ink)");
    });
  },

  memory(holder, trials) {
    const columns = (trial, name) => d3.zip(trial.samples.t, trial.samples[name]).filter(([t, value]) => value !== null && t >= 0);
    const bytes = d3.max(trials, (trial) => d3.max(trial.samples.memory_bytes));
    const threads = d3.max(trials, (trial) => d3.max(trial.samples.threads));
    const { line } = lab.swatches;
    const keys = [["memory, MB", line("reading", [], true)], ["threads", line("running", [], true)]];
    this.cards(holder, trials, THREADS.bottom, "memory and threads", keys, (svg, x, trial) => {
      const above = this.scale(svg, x, bytes / 1e6, [MEMORY.bottom, MEMORY.top], d3.format("d"));
      const below = this.scale(svg, x, threads, [THREADS.bottom, THREADS.top]);
      const within = (points) => points.filter(([t]) => t <= x.domain()[1]);
      this.steps(svg, x, above, within(columns(trial, "memory_bytes")).map(([t, value]) => [t, value / 1e6]), "reading", false);
      this.steps(svg, x, below, within(columns(trial, "threads")), "running", false);
      svg.append("text").attr("class", "soft").attr("x", 56).attr("y", MEMORY.label).text("memory, MB");
      svg.append("text").attr("class", "soft").attr("x", 56).attr("y", THREADS.label).text("threads");
    });
  },
};

/** The number of open intervals, as steps [moment, count]. */
lab.counted = (starts, ends) => {
  const [from, to] = [d3.sort(starts), d3.sort(ends)];
  const steps = [[0, 0]];
  for (let opened = 0, closed = 0; closed < to.length;) {
    const opens = opened < from.length && from[opened] < to[closed];
    const moment = opens ? from[opened++] : to[closed++];
    if (steps[steps.length - 1][0] === moment) steps.pop();
    steps.push([moment, opened - closed]);
  }
  return steps;
};

/** A limited number of points: of those that share a pixel, the lowest and the highest. */
lab.thinned = (points) => {
  if (points.length <= 2 * MOST_POINTS) return points;
  const [first, last] = [points[0][0], points[points.length - 1][0]];
  const bins = d3.groups(points, (point) => Math.floor((MOST_POINTS * (point[0] - first)) / (last - first || 1)));
  return bins.flatMap(([, bin]) => {
    const extremes = new Set(d3.extent(bin, (point) => point[1]));
    return d3.sort([...extremes].map((value) => bin.find((point) => point[1] === value)), (point) => point[0]);
  });
};
