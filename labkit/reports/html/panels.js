"use strict";
// The timelines under one axis: which trials are shown, zooming, pointing, stepping with the keys.

const MOST_ROWS = 60; // with more requests, a row a lane reads better than a row a request

lab.panels = {
  shown: [], // {trial, timeline, canvas, scroller}
  transform: d3.zoomIdentity,
  held: null,

  /** The trials that the toolbar asks for: one of each approach, in the order of the summary. */
  chosen() {
    const point = Number(document.getElementById("point").value);
    const wanted = document.getElementById("trial").value;
    const approaches = lab.data.summary.filter((row) => row.point === point).map((row) => row.approach);
    return approaches.flatMap((approach) => {
      const all = lab.data.trials.filter((trial) => trial.point === point && trial.approach === approach);
      const untraced = all.filter((trial) => !trial.traced);
      const found = wanted === "traced" ? all.find((trial) => trial.traced) : untraced.find((trial) => String(trial.repeat) === wanted);
      return found ?? untraced[0] ?? [];
    });
  },

  build() {
    this.release();
    const mode = document.getElementById("rows").value;
    this.shown = this.chosen().map((trial) => this.panel(trial, new lab.Timeline(trial, mode)));
    document.getElementById("panels").replaceChildren(...this.shown.map((panel) => panel.element));
    document.getElementById("rows-said").textContent = mode === "requests" ? ", in it a row a request" : "";
    const unseen = new Set(this.shown.flatMap((panel) => panel.trial.trace?.unseen ?? []));
    document.getElementById("unseen").replaceChildren(...[...unseen].map((text) => lab.element("p", `Not to be seen here: ${text}`)));
    this.watcher?.disconnect();
    this.watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) this.shown.find((panel) => panel.element === entry.target).inSight = entry.isIntersecting;
      this.redraw();
    }, { rootMargin: "200px" });
    for (const panel of this.shown) this.watcher.observe(panel.element);
    this.transform = d3.zoomIdentity;
    this.resize();
    this.drawNow();
    this.drawLegend();
  },

  panel(trial, timeline) {
    const element = lab.element("article", "", "panel");
    const about = lab.element("div");
    about.append(lab.element("h3", trial.approach + (trial.traced ? " · traced" : "")), ...this.about(trial));
    const scroller = lab.element("div", "", "scroller");
    const canvas = document.createElement("canvas");
    const room = lab.element("div");
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", `Timeline of ${trial.approach}. ${trial.sentence} Left and right step through its requests.`);
    scroller.append(canvas, room);
    element.append(about, scroller);
    const panel = { trial, timeline, element, canvas, scroller, room, inSight: true };
    if (timeline.crowded) about.append(this.expander(panel));
    canvas.addEventListener("pointermove", (event) => this.point(panel, event));
    canvas.addEventListener("pointerleave", () => this.held ?? this.release());
    canvas.addEventListener("click", (event) => this.click(panel, event));
    canvas.addEventListener("dblclick", () => this.fill(panel));
    canvas.addEventListener("keydown", (event) => this.key(panel, event));
    scroller.addEventListener("scroll", () => this.redraw());
    return panel;
  },

  about(trial) {
    const time = lab.element("div", trial.makespan === null ? trial.outcome : lab.text.short(trial.makespan), "time");
    let said = [lab.element("p", trial.sentence, "said")];
    if (trial.trace) said = [lab.element("p", lab.totals(trial), "said")];
    if (trial.traced) {
      const others = lab.data.trials.filter((other) => !other.traced && other.approach === trial.approach && other.point === trial.point);
      const spans = others.filter((other) => other.makespan !== null).map((other) => lab.text.short(other.makespan));
      time.textContent += ` traced · ${spans.join(", ") || "–"} untraced`;
    } else if (trial.makespan !== null) {
      time.textContent += ` · ideal ${lab.text.short(trial.ideal)}`;
    }
    if (!trial.ranked && !trial.traced) said.unshift(lab.element("div", trial.outcome === "ok" ? "not ranked" : trial.outcome, "unranked"));
    return [time, ...said];
  },

  expander(panel) {
    const button = lab.element("button", "rows at full height");
    button.type = "button";
    button.addEventListener("click", () => {
      panel.timeline.expand(!panel.timeline.expanded);
      button.textContent = panel.timeline.expanded ? "all rows at once" : "rows at full height";
      this.resize();
    });
    return button;
  },

  resize() {
    if (!this.shown.length) return;
    for (const { timeline, canvas, scroller, room } of this.shown) {
      scroller.style.height = `${timeline.shownHeight}px`;
      canvas.style.height = `${timeline.shownHeight}px`;
      room.style.height = `${timeline.height - timeline.shownHeight}px`;
    }
    // A scroll bar must not move one picture's axis against the others.
    this.width = d3.min(this.shown, (panel) => panel.scroller.clientWidth);
    for (const { canvas } of this.shown) canvas.style.width = `${this.width}px`;
    const trials = this.shown.map((panel) => panel.trial);
    const last = d3.max(trials, (trial) => Math.max(trial.makespan ?? 0, d3.max(trial.requests.end) ?? 0, d3.max(trial.requests.left) ?? 0)) || 1;
    const cold = d3.max(trials, (trial) => trial.cold) ?? 0;
    // A long start-up must not squeeze the work: what does not fit is a drag away.
    const before = Math.min(cold, last * 0.12);
    this.base = d3.scaleLinear([-before, last * 1.015], [lab.GUTTER, this.width - lab.RIGHT]);
    const right = this.width - lab.RIGHT;
    this.zoom = d3.zoom()
      .extent([[lab.GUTTER, 0], [right, 1]])
      .translateExtent([[this.base(-cold * 1.02) - 1, 0], [right, 1]])
      .scaleExtent([1, 100000])
      .filter((event) => (event.type === "wheel" ? event.ctrlKey || event.metaKey : !event.button && !event.ctrlKey))
      .wheelDelta((event) => -event.deltaY * (event.deltaMode ? 0.05 : 0.002))
      .on("zoom", (event) => this.move(event.transform));
    for (const { canvas } of this.shown) d3.select(canvas).call(this.zoom).on("dblclick.zoom", null);
    this.move(this.transform);
  },

  move(transform) {
    this.transform = transform;
    for (const { canvas } of this.shown) canvas.__zoom = transform;
    this.redraw();
  },

  get x() {
    return this.transform.rescaleX(this.base);
  },

  redraw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      this.drawNow((panel) => panel.inSight);
    });
  },

  drawNow(which = () => true) {
    if (!this.shown.length) return;
    const x = this.x;
    for (const panel of this.shown.filter(which)) panel.timeline.draw(panel.canvas, x, this.width, panel.scroller.scrollTop);
    const axis = d3.select("#axis");
    const left = this.shown[0].canvas.getBoundingClientRect().left - axis.node().getBoundingClientRect().left;
    const seconds = x.copy().domain(x.domain().map(lab.s)).range(x.range().map((at) => at + left));
    const inner = axis.selectAll("g").data([null]).join("g").attr("transform", "translate(0,2)");
    inner.call(d3.axisBottom(seconds).ticks(this.width / 110).tickSize(5)).select(".domain").remove();
    inner.selectAll(".tick text").text((tick) => `${seconds.tickFormat(this.width / 110)(tick)} s`);
  },

  zoomBy(factor) {
    d3.select(this.shown[0]?.canvas).call(this.zoom.scaleBy, factor);
  },

  /** One trial over the whole width, or all of them again. */
  fill({ trial, canvas }) {
    if (this.transform.k > 1 || trial.makespan === null) {
      this.fit();
      return;
    }
    const from = Math.max(-(trial.cold ?? 0), -trial.makespan * 0.12);
    const [left, right] = [this.base(from), this.base(trial.makespan * 1.015)];
    const scale = (this.width - lab.RIGHT - lab.GUTTER) / (right - left);
    d3.select(canvas).call(this.zoom.transform, d3.zoomIdentity.translate(lab.GUTTER - left * scale, 0).scale(scale));
  },

  fit() {
    d3.select(this.shown[0]?.canvas).call(this.zoom.transform, d3.zoomIdentity);
  },

  point(panel, event) {
    if (this.held || event.buttons) return;
    const [px, py] = d3.pointer(event, panel.canvas);
    const hit = px > lab.GUTTER ? panel.timeline.hit(this.x, px, py + panel.scroller.scrollTop) : null;
    this.mark(panel, hit?.bar?.at ?? null);
    lab.figures.show(hit && (hit.bar || hit.span) ? lab.figures.of(panel.trial, hit) : null, event.clientX, event.clientY);
  },

  click(panel, event) {
    if (event.defaultPrevented) return;
    this.held = null;
    this.point(panel, event);
    this.held = panel.timeline.marked === null ? null : panel;
  },

  mark(panel, at) {
    for (const other of this.shown) other.timeline.marked = other === panel ? at : null;
    this.redraw();
  },

  release() {
    this.held = null;
    this.mark(null, null);
    lab.figures.show(null);
  },

  key(panel, event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape") this.release();
    else if (event.key === "+" || event.key === "=") this.zoomBy(1.6);
    else if (event.key === "-") this.zoomBy(1 / 1.6);
    else if (event.key === "0") this.fit();
    else if (step) this.step(panel, step);
    else return;
    event.preventDefault();
  },

  /** Hold the request that starts next, or before. */
  step(panel, by) {
    const { trial, timeline } = panel;
    panel.order ??= d3.sort(d3.range(trial.requests.id.length), (at) => trial.requests.start[at]);
    if (!panel.order.length) return;
    const now = timeline.marked === null ? -1 : panel.order.indexOf(timeline.marked);
    const next = panel.order[Math.max(0, Math.min(panel.order.length - 1, now + by))];
    const group = timeline.layout.groups.find((each) => each.rows.some((bars) => bars.some((bar) => bar.at === next)));
    const number = group.rows.findIndex((bars) => bars.some((bar) => bar.at === next));
    const y = timeline.top(group.top + number);
    if (timeline.expanded && !timeline.inSight(y, 0)) panel.scroller.scrollTop = y - timeline.shownHeight / 2;
    const middle = (trial.requests.start[next] + lab.endOf(trial, next)) / 2;
    if (middle < this.x.domain()[0] || middle > this.x.domain()[1]) {
      d3.select(panel.canvas).call(this.zoom.translateTo, this.base(middle), 0);
    }
    this.held = panel;
    this.mark(panel, next);
    const place = panel.canvas.getBoundingClientRect();
    const bar = { at: next };
    lab.figures.show(lab.figures.of(trial, { group, bar, span: null }), place.left + Math.min(this.x(lab.endOf(trial, next)), this.width), place.top + y - panel.scroller.scrollTop);
  },

  drawLegend() {
    const fill = (name, size = 1) => (context, width, height) => {
      context.fillStyle = lab.colours[name];
      context.fillRect(0, (height * (1 - size)) / 2, width, height * size);
    };
    const trials = this.shown.map((panel) => panel.trial);
    const unknown = trials.some(({ requests, unmatched }) => unmatched.length || requests.served.includes(null) || requests.end.includes(null));
    const keys = lab.phases.filter((phase) => phase.name !== "unknown" || unknown).map(({ name, said, size }) => [said, fill(name, size)]);
    const line = (name, dashes, across) => (context, width, height) => {
      context.strokeStyle = lab.colours[name];
      context.lineWidth = 2;
      context.setLineDash(dashes);
      context.beginPath();
      context.moveTo(across ? 0 : width / 2, across ? height / 2 : 0);
      context.lineTo(across ? width : width / 2, across ? height / 2 : height);
      context.stroke();
    };
    keys.push(["waits in the client", line("waiting", [2, 3], true)]);
    keys.push(["start-up, before the signal", (context, width, height) => lab.hatch(context, 0, 0, width, height, lab.colours.soft, 6)]);
    keys.push(["ideal", line("soft", [3, 2], false)], ["makespan", line("ink", [], false)]);
    const states = [];
    if (trials.some((trial) => trial.trace)) {
      lab.stateWords.forEach((said, number) => states.push([said, fill(lab.states[number])]));
      states.push(["derived, not seen as such", (context, width, height) => {
        fill("unknown")(context, width, height);
        lab.hatch(context, 0, 0, width, height, lab.colours.paper, 5);
      }]);
      states.push(["nobody watched", (context, width, height) => lab.hatch(context, 0, 0, width, height, lab.colours.line, 4)]);
    }
    lab.legend(document.getElementById("legend"), keys);
    lab.legend(document.getElementById("states"), states);
  },
};

/** How long a traced trial's lanes were in each state, together. */
lab.totals = (trial) => {
  const sums = lab.states.map(() => 0);
  for (const { spans } of trial.trace.lanes) {
    for (let at = 0; at < spans.length; at += 4) sums[spans[at]] += spans[at + 2] - spans[at + 1];
  }
  const said = sums.map((sum, number) => [sum, lab.stateWords[number]]).filter(([sum]) => sum > 0);
  return said.map(([sum, name]) => `${name} ${lab.text.short(sum)}`).join(" · ");
};

/** The box with the figures of what is pointed at. */
lab.figures = {
  of(trial, { group, bar, span }) {
    const parts = [];
    if (bar) parts.push(...(bar.at === null ? this.ofServerRow(group, bar) : this.ofRequest(trial, bar.at)));
    else parts.push(lab.element("h4", group.said));
    if (span) {
      const [state, start, end, derived] = span;
      const moments = `${lab.text.moment(start)} to ${lab.text.moment(end)}`;
      parts.push(lab.element("p", `${lab.stateWords[state]} for ${lab.text.lasted(end - start)}, ${moments}${derived ? ", derived" : ""}`));
    }
    return parts;
  },

  ofServerRow(group, bar) {
    const said = `No request of the client belongs to this row: ${lab.text.did(bar.did)}, status ${bar.status}, ${lab.text.lasted(bar.end - bar.start)}`;
    return [lab.element("h4", `request ${bar.id} · ${group.said}`), lab.element("p", said)];
  },

  ofRequest(trial, at) {
    const rows = trial.requests;
    const [name, pid] = trial.lanes[rows.lane[at]];
    const lines = [["starts", lab.text.moment(rows.start[at])]];
    for (const [phase, start, end] of lab.phasesOf(trial, at)) lines.push([lab.phases[phase].said, lab.text.lasted(end - start)]);
    if (rows.end[at] === null) lines.push(["never ended", ""]);
    else lines.push(["ends", lab.text.moment(rows.end[at])], ["latency", lab.text.lasted(rows.end[at] - rows.start[at])]);
    if (rows.worker[at] !== null) lines.push(["served by", `worker ${rows.worker[at]}`]);
    if (rows.did[at] !== undefined) lines.push(["the server", lab.text.did(rows.did[at])]);
    if (rows.status[at] !== null) lines.push(["status", String(rows.status[at])]);
    if (rows.bytes[at] !== null) lines.push(["bytes", String(rows.bytes[at])]);
    const table = lab.element("table");
    for (const [said, figure] of lines) {
      const line = table.insertRow();
      line.append(lab.element("th", said), lab.element("td", figure));
    }
    const parts = [lab.element("h4", `request ${rows.id[at]}${rows.attempt[at] ? `, attempt ${rows.attempt[at]}` : ""} · ${name}, process ${pid}`), table];
    if (rows.error[at] !== undefined) parts.push(lab.element("p", rows.error[at], "failed"));
    return parts;
  },

  show(parts, x, y) {
    const box = document.getElementById("figures");
    box.hidden = !parts;
    if (!parts) return;
    box.replaceChildren(...parts);
    const { width, height } = box.getBoundingClientRect();
    const left = x + 18 + width > window.innerWidth ? x - 18 - width : x + 18;
    box.style.left = `${Math.max(4, left)}px`;
    box.style.top = `${Math.max(4, Math.min(y + 14, window.innerHeight - height - 4))}px`;
  },
};
