"use strict";
// The charts of a grid point: makespans against the ideal, and all trials; and the grid of all configurations.

const LONGEST_NAME = 24;

lab.charts = {
  draw() {
    for (const holder of document.querySelectorAll(".makespans")) this.makespans(holder, Number(holder.dataset.point));
    for (const holder of document.querySelectorAll(".distribution")) this.distribution(holder, Number(holder.dataset.point));
    if (document.getElementById("grid")) this.grid(document.getElementById("grid"));
  },

  svg(width, height, label) {
    const svg = d3.create("svg").attr("viewBox", `0 0 ${width} ${height}`).attr("height", height);
    return svg.attr("role", "img").attr("aria-label", label);
  },

  /** Put a legend, a chart and its buttons into `holder`. */
  fill(holder, svg, keys, title, subtitle) {
    const legend = lab.element("div", "", "legend");
    lab.legend(legend, keys);
    const make = () => lab.pictures.ofChart(svg.node(), { title, subtitle, legends: [keys] });
    holder.replaceChildren(legend, svg.node(), lab.pictures.buttons(`${title} ${subtitle}`, make));
  },

  /** Names at the left, seconds below: the frame of bars and distributions. */
  frame(width, rows, pitch, domain, label) {
    const svg = this.svg(width, rows.length * pitch + 34, label);
    const cut = (name) => (name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name);
    const left = 12 + 9 * d3.max(rows, (row) => cut(row.approach).length);
    const x = d3.scaleLinear(domain, [left, width - 128]).nice(5);
    const seconds = d3.scaleLinear(x.domain().map(lab.s), x.range());
    const axis = svg.append("g").attr("transform", `translate(0,${rows.length * pitch + 4})`);
    axis.call(d3.axisBottom(seconds).ticks(6).tickFormat((tick) => `${tick} s`).tickSize(-rows.length * pitch)).select(".domain").remove();
    const lines = svg.selectAll(".row").data(rows).join("g").attr("class", "row");
    lines.attr("transform", (_, number) => `translate(0,${number * pitch})`);
    lines.append("text").attr("x", left - 10).attr("y", pitch / 2 + 5).attr("text-anchor", "end").text((row) => cut(row.approach));
    return { svg, x, lines };
  },

  makespans(holder, point) {
    const rows = lab.data.summary.filter((row) => row.point === point);
    const known = rows.filter((row) => row.makespan !== null);
    const most = d3.max(known, (row) => Math.max(row.makespan, row.ideal)) ?? 1;
    // As high as the sentences beside it, within limits that still look like bars.
    const beside = holder.parentElement.querySelector(".sentences").clientHeight - 98;
    const pitch = Math.max(32, Math.min(56, Math.floor(beside / rows.length)));
    const title = "Makespan and ideal";
    const { svg, x, lines } = this.frame(holder.clientWidth, rows, pitch, [0, most], title);
    const bars = lines.filter((row) => row.makespan !== null);
    const bar = (from, to, name, opacity) => bars.append("rect").attr("x", (row) => x(from(row))).attr("y", pitch * 0.18)
      .attr("width", (row) => Math.max(0, x(to(row)) - x(from(row)))).attr("height", pitch * 0.64)
      .style("fill", `var(--${name})`).style("opacity", opacity);
    bar(() => 0, (row) => Math.min(row.makespan, row.ideal), "served", (row) => (row.ranked ? 1 : 0.45));
    bar((row) => Math.min(row.makespan, row.ideal), (row) => row.makespan, "queued", 1);
    bars.append("rect").attr("x", (row) => x(row.ideal) - 1).attr("y", pitch * 0.08).attr("width", 2.5).attr("height", pitch * 0.84).style("fill", "var(--ideal)");
    lines.append("text").attr("x", (row) => x(row.makespan === null ? 0 : Math.max(row.makespan, row.ideal)) + 8).attr("y", pitch / 2 + 5)
      .text((row) => (row.makespan === null ? row.verdict : `${lab.text.short(row.makespan)}${row.ranked ? "" : " · not ranked"}`));
    const { fill, line } = lab.swatches;
    const keys = [["makespan up to the ideal", fill("served")], ["above the ideal", fill("queued")], ["ideal", line("ideal", [], false)]];
    this.fill(holder, svg, keys, title, lab.data.points[point]);
  },

  /** The makespans of all trials. Circles of one approach are shifted, so that they do not hide each other. */
  distribution(holder, point) {
    const rows = lab.data.summary.filter((row) => row.point === point && row.makespan !== null);
    const trials = lab.data.trials.filter((trial) => trial.point === point && !trial.traced && trial.makespan !== null);
    if (!rows.length) return;
    const pitch = 34;
    const [least, most] = d3.extent(trials, (trial) => trial.makespan);
    const margin = (most - least) / 4 || most / 100;
    const title = "Makespans of all trials";
    const { svg, x, lines } = this.frame(holder.clientWidth, rows, pitch, [least - margin, most + margin], title);
    // Intervals of a few repeats are wide: an interval that leaves the chart ends in an arrow.
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
    const { fill, line, circles } = lab.swatches;
    const unranked = trials.some((trial) => !trial.ranked);
    const keys = [
      ["one trial", circles([0.5], 4.5, "served", "served")],
      ...(unranked ? [["one trial, not ranked", circles([0.5], 4.5, "paper", "served")]] : []),
      ["median", line("ink", [], false)],
      ...(rows.some((row) => row.ci95) ? [["95 % interval of the median", fill("line", 0.75)]] : []),
    ];
    this.fill(holder, svg, keys, title, lab.data.points[point]);
  },

  /** Approaches down, configurations across; the colour of a cell is the efficiency. */
  grid(holder) {
    const approaches = [...new Set(lab.data.summary.map((row) => row.approach))];
    const headings = lab.data.points.map((text) => text.split(" · "));
    const [high, line] = [30, 17];
    const wide = Math.max(110, 8 * d3.max(headings.flat(), (text) => text.length));
    const left = 14 + 9 * d3.max(approaches, (approach) => approach.length);
    const top = line * d3.max(headings, (lines) => lines.length) + 8;
    const [width, height] = [left + wide * headings.length, top + high * approaches.length + 2];
    const colour = d3.scaleSequential(d3.interpolateViridis).domain([0, 1]);
    const svg = this.svg(width, height, "The grid").style("width", `${width}px`);
    headings.forEach((lines, point) => {
      svg.selectAll(null).data(lines).join("text").attr("class", "soft").attr("text-anchor", "middle")
        .attr("x", left + wide * (point + 0.5)).attr("y", (_, number) => 13 + line * number).text((text) => text);
    });
    svg.selectAll(null).data(approaches).join("text").attr("text-anchor", "end").attr("x", left - 10)
      .attr("y", (_, number) => top + high * number + 20).text((approach) => approach);
    const cells = svg.selectAll(null).data(lab.data.summary).join("g")
      .attr("transform", (row) => `translate(${left + wide * row.point},${top + high * approaches.indexOf(row.approach)})`);
    const share = (row) => Math.min(1, row.efficiency ?? 0);
    const measured = cells.filter((row) => row.makespan !== null);
    measured.append("rect").attr("width", wide - 2).attr("height", high - 2).style("fill", (row) => colour(share(row)))
      .append("title").text((row) => `efficiency ${(row.efficiency ?? 0).toFixed(3)}, ideal ${lab.text.short(row.ideal)}; ${row.verdict}`);
    cells.append("text").attr("x", wide / 2 - 1).attr("y", 20).attr("text-anchor", "middle").style("font-weight", 600)
      .style("fill", (row) => (row.makespan === null ? "var(--soft)" : share(row) > 0.55 ? "#10141a" : "#ffffff"))
      .text((row) => (row.makespan === null ? "–" : `${lab.text.short(row.makespan)}${row.ranked ? "" : " *"}`));
    const keys = [0, 0.25, 0.5, 0.75, 1].map((efficiency) => [`efficiency ${efficiency}`, lab.swatches.fill(colour(efficiency))]);
    const unranked = lab.data.summary.some((row) => row.makespan !== null && !row.ranked);
    this.fill(holder, svg, keys, "The grid", `median makespans${unranked ? ", * not ranked" : ""}`);
    if (unranked) holder.append(lab.element("p", "* not ranked", "explained"));
  },
};
