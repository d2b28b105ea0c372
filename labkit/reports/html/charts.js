"use strict";
// The charts around the timelines: makespans against the ideal, distributions, the grid, in flight, memory and threads.

const MOST_POINTS = 400; // a small chart has no more pixels across

lab.charts = {
  draw() {
    for (const holder of document.querySelectorAll(".makespans")) this.makespans(holder);
    for (const holder of document.querySelectorAll(".distribution")) this.distribution(holder);
    if (document.getElementById("grid")) this.grid(document.getElementById("grid"));
  },

  /** The parts over time, of the trials that the timelines show. */
  drawOverTime(trials) {
    this.flight(document.getElementById("flight"), trials);
    this.memory(document.getElementById("memory"), trials);
  },

  svg(holder, height, label) {
    const width = holder.clientWidth;
    const svg = d3.create("svg").attr("viewBox", `0 0 ${width} ${height}`).attr("height", height);
    svg.attr("role", "img").attr("aria-label", label);
    return [svg, width];
  },

  /** Names left, seconds below: what the bars and the distributions stand in. */
  frame(holder, rows, pitch, domain, label) {
    const height = rows.length * pitch + 34;
    const [svg, width] = this.svg(holder, height, label);
    const shortened = (name) => (name.length > 24 ? `${name.slice(0, 23)}…` : name);
    const left = 12 + 8.6 * d3.max(rows, (row) => shortened(row.approach).length);
    const x = d3.scaleLinear(domain, [left, width - 128]).nice(5);
    const seconds = d3.scaleLinear(x.domain().map(lab.s), x.range());
    const axis = svg.append("g").attr("transform", `translate(0,${rows.length * pitch + 4})`);
    axis.call(d3.axisBottom(seconds).ticks(6).tickFormat((tick) => `${tick} s`).tickSize(-rows.length * pitch)).select(".domain").remove();
    const lines = svg.selectAll(".row").data(rows).join("g").attr("class", "row");
    lines.attr("transform", (_, number) => `translate(0,${number * pitch})`);
    lines.append("text").attr("x", left - 10).attr("y", pitch / 2 + 5).attr("text-anchor", "end").text((row) => shortened(row.approach));
    holder.replaceChildren(svg.node());
    return { x, lines };
  },

  makespans(holder) {
    const rows = lab.data.summary.filter((row) => row.point === Number(holder.dataset.point));
    const known = rows.filter((row) => row.makespan !== null);
    const most = d3.max(known, (row) => Math.max(row.makespan, row.ideal)) ?? 1;
    // As high as the sentences beside it, within what still looks like bars.
    const beside = holder.parentElement.querySelector(".sentences").clientHeight - 66;
    const pitch = Math.max(32, Math.min(56, Math.floor(beside / rows.length)));
    const { x, lines } = this.frame(holder, rows, pitch, [0, most], "Makespans against the ideal");
    const bars = lines.filter((row) => row.makespan !== null);
    const bar = (from, to, name, opacity) => bars.append("rect").attr("x", (row) => x(from(row))).attr("y", pitch * 0.18)
      .attr("width", (row) => Math.max(0, x(to(row)) - x(from(row)))).attr("height", pitch * 0.64)
      .style("fill", `var(--${name})`).style("opacity", opacity);
    bar(() => 0, (row) => Math.min(row.makespan, row.ideal), "served", (row) => (row.ranked ? 1 : 0.45));
    bar((row) => Math.min(row.makespan, row.ideal), (row) => row.makespan, "queued", 1);
    bars.append("rect").attr("x", (row) => x(row.ideal) - 1).attr("y", pitch * 0.08).attr("width", 2.5).attr("height", pitch * 0.84).style("fill", "var(--ideal)");
    lines.append("text").attr("x", (row) => x(row.makespan === null ? 0 : Math.max(row.makespan, row.ideal)) + 8).attr("y", pitch / 2 + 5).text((row) => {
      if (row.makespan === null) return row.verdict;
      return `${lab.text.short(row.makespan)}${row.ranked ? "" : " · not ranked"}`;
    });
    const legend = lab.element("div", "", "legend");
    const fill = (name) => (context, width, height) => {
      context.fillStyle = lab.colours[name];
      context.fillRect(0, 0, width, height);
    };
    const tick = (context, width, height) => {
      context.fillStyle = lab.colours.ideal;
      context.fillRect(width / 2 - 1, 0, 2.5, height);
    };
    holder.prepend(legend);
    lab.legend(legend, [["makespan, up to the ideal", fill("served")], ["beyond the ideal", fill("queued")], ["ideal", tick]]);
  },

  /** Every trial's makespan: within an approach, points that would hide each other stand apart. */
  distribution(holder) {
    const point = Number(holder.dataset.point);
    const rows = lab.data.summary.filter((row) => row.point === point && row.makespan !== null);
    const trials = lab.data.trials.filter((trial) => trial.point === point && !trial.traced && trial.makespan !== null);
    if (!rows.length) return;
    const pitch = 34;
    const [least, most] = d3.extent(trials, (trial) => trial.makespan);
    const margin = (most - least) / 4 || most / 100;
    const { x, lines } = this.frame(holder, rows, pitch, [least - margin, most + margin], "Every trial's makespan");
    // Few repeats make wide intervals: one that leaves the picture ends in an arrow.
    const shape = ({ ci95: [low, high] }) => {
      const [from, to] = x.range();
      const [left, right, middle] = [Math.max(x(low), from), Math.min(x(high), to), pitch / 2];
      const start = x(low) < from ? `M${left},${middle}l9,-9v18z` : "";
      const end = x(high) > to ? `M${right},${middle}l-9,-9v18z` : "";
      return `${start}${end}M${left + (start ? 9 : 0)},${middle - 5}H${right - (end ? 9 : 0)}v10H${left + (start ? 9 : 0)}z`;
    };
    lines.filter((row) => row.ci95).append("path").attr("d", shape).style("fill", "var(--line)");
    lines.append("rect").attr("x", (row) => x(row.makespan) - 1).attr("y", pitch / 2 - 12).attr("width", 2.5).attr("height", 24).style("fill", "var(--ink)");
    lines.selectAll("circle").data((row) => trials.filter((trial) => trial.approach === row.approach)).join("circle")
      .attr("cx", (trial) => x(trial.makespan)).attr("cy", (_, number) => pitch / 2 + ((number % 3) - 1) * 4).attr("r", 4.5)
      .style("fill", (trial) => (trial.ranked ? "var(--served)" : "var(--paper)")).style("stroke", "var(--served)").style("stroke-width", 1.5)
      .append("title").text((trial) => `trial ${trial.order}: ${lab.text.moment(trial.makespan)}`);
  },

  /** Approaches down, configurations across. */
  grid(holder) {
    const table = lab.element("table");
    const head = table.createTHead().insertRow();
    head.append(lab.element("th"), ...lab.data.points.map((said) => Object.assign(lab.element("th", said), { scope: "col" })));
    const body = table.createTBody();
    const colour = d3.scaleSequential(d3.interpolateViridis).domain([0, 1]);
    for (const approach of new Set(lab.data.summary.map((row) => row.approach))) {
      const line = body.insertRow();
      line.append(Object.assign(lab.element("th", approach), { scope: "row" }));
      lab.data.points.forEach((_, point) => {
        const row = lab.data.summary.find((each) => each.approach === approach && each.point === point);
        const cell = line.insertCell();
        if (!row || row.makespan === null) {
          cell.textContent = "–";
          return;
        }
        const share = Math.min(1, row.efficiency ?? 0);
        cell.textContent = `${lab.text.short(row.makespan)}${row.ranked ? "" : " *"}`;
        cell.title = `efficiency ${(row.efficiency ?? 0).toFixed(3)}, ideal ${lab.text.short(row.ideal)}; ${row.verdict}`;
        cell.style.background = colour(share);
        cell.style.color = share > 0.55 ? "#10141a" : "#ffffff";
      });
    }
    const legend = lab.element("div", "", "legend");
    holder.replaceChildren(legend, table);
    lab.legend(legend, [0, 0.25, 0.5, 0.75, 1].map((share) => [`efficiency ${share}`, (context, width, height) => {
      context.fillStyle = colour(share);
      context.fillRect(0, 0, width, height);
    }]));
    if (lab.data.summary.some((row) => row.makespan !== null && !row.ranked)) holder.append(lab.element("p", "* not ranked", "explained"));
  },

  cards(holder, trials, heights, draw) {
    holder.replaceChildren();
    const last = d3.max(trials, (trial) => trial.makespan ?? d3.max(trial.requests.end) ?? 0) || 1;
    for (const trial of trials) {
      const card = lab.element("article", "", "card");
      const figure = lab.element("figure");
      card.append(lab.element("h3", trial.approach + (trial.traced ? " · traced" : "")), figure);
      holder.append(card);
      const [svg, width] = this.svg(figure, heights + 24, trial.approach);
      const x = d3.scaleLinear([0, last], [52, width - 8]);
      const seconds = d3.scaleLinear(x.domain().map(lab.s), x.range());
      svg.append("g").attr("transform", `translate(0,${heights})`).call(d3.axisBottom(seconds).ticks(5).tickFormat((tick) => `${tick} s`).tickSize(4));
      draw(svg, x, trial);
      figure.append(svg.node());
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
    this.cards(holder, trials, 120, (svg, x, trial) => {
      const { client, server, sockets } = lines.get(trial);
      const y = this.scale(svg, x, most, [120, 6]);
      this.steps(svg, x, y, client, "queued", true);
      this.steps(svg, x, y, server, "served", true);
      const seen = lab.thinned(sockets).filter(([t]) => t <= x.domain()[1]);
      svg.append("g").selectAll("circle").data(seen).join("circle")
        .attr("cx", (point) => x(point[0])).attr("cy", (point) => y(point[1])).attr("r", 1.7).style("fill", "var(--ink)");
    });
    const fill = (name) => (context, width, height) => {
      context.fillStyle = lab.colours[name];
      context.fillRect(0, 0, width, height);
    };
    const dots = (context, width, height) => {
      context.fillStyle = lab.colours.ink;
      for (const at of [0.2, 0.5, 0.8]) {
        context.beginPath();
        context.arc(width * at, height / 2, 2, 0, 7);
        context.fill();
      }
    };
    const keys = [["in flight by the client, not yet served", fill("queued")], ["being served, by the server", fill("served")], ["open sockets, sampled", dots]];
    lab.legend(document.getElementById("flight-legend"), keys);
  },

  memory(holder, trials) {
    const columns = (trial, name) => d3.zip(trial.samples.t, trial.samples[name]).filter(([t, value]) => value !== null && t >= 0);
    const bytes = d3.max(trials, (trial) => d3.max(trial.samples.memory_bytes));
    const threads = d3.max(trials, (trial) => d3.max(trial.samples.threads));
    this.cards(holder, trials, 156, (svg, x, trial) => {
      const above = this.scale(svg, x, bytes / 1e6, [74, 26], d3.format("d"));
      const below = this.scale(svg, x, threads, [156, 108]);
      const within = (points) => points.filter(([t]) => t <= x.domain()[1]);
      this.steps(svg, x, above, within(columns(trial, "memory_bytes")).map(([t, value]) => [t, value / 1e6]), "reading", false);
      this.steps(svg, x, below, within(columns(trial, "threads")), "running", false);
      svg.append("text").attr("class", "soft").attr("x", 56).attr("y", 13).text("memory, MB");
      svg.append("text").attr("class", "soft").attr("x", 56).attr("y", 97).text("threads");
    });
  },
};

/** How many intervals are open, as steps [moment, count]. */
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

/** At most so many points: of those that share a place, the lowest and the highest. */
lab.thinned = (points) => {
  if (points.length <= 2 * MOST_POINTS) return points;
  const [first, last] = [points[0][0], points[points.length - 1][0]];
  const bins = d3.groups(points, (point) => Math.floor((MOST_POINTS * (point[0] - first)) / (last - first || 1)));
  return bins.flatMap(([, bin]) => d3.sort(new Set(d3.extent(bin, (point) => point[1]).map((value) => bin.find((point) => point[1] === value))), (point) => point[0]));
};
