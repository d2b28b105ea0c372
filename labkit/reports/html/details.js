"use strict";
// The box with the details of a request, a row of the server's log, or a thread state.

lab.details = {
  /** The content of the box for a hit of `lab.Timeline`. */
  of(trial, { group, bar, span }) {
    const parts = [];
    if (bar) parts.push(...(bar.at === null ? this.ofServerRow(group, bar) : this.ofRequest(trial, bar.at)));
    else parts.push(lab.element("h4", group.title));
    if (span) {
      const [state, start, end, derived] = span;
      const moments = `${lab.text.moment(start)} to ${lab.text.moment(end)}${derived ? ", derived" : ""}`;
      parts.push(lab.element("p", `${lab.stateLabels[state]} for ${lab.text.duration(end - start)}, ${moments}`));
    }
    return parts;
  },

  ofServerRow(group, bar) {
    const duration = lab.text.duration(bar.end - bar.start);
    const text = `The client has no request for this row: ${lab.text.serverAction(bar.did)}, status ${bar.status}, ${duration}`;
    return [lab.element("h4", `request ${bar.id} · ${group.title}`), lab.element("p", text)];
  },

  ofRequest(trial, at) {
    const rows = trial.requests;
    const [name, pid] = trial.lanes[rows.lane[at]];
    const attempt = rows.attempt[at] ? `, attempt ${rows.attempt[at]}` : "";
    const table = lab.element("table");
    for (const [label, value] of this.lines(trial, at)) {
      table.insertRow().append(lab.element("th", label), lab.element("td", value));
    }
    const parts = [lab.element("h4", `request ${rows.id[at]}${attempt} · ${name}, process ${pid}`), table];
    if (rows.error[at] !== undefined) parts.push(lab.element("p", rows.error[at], "failed"));
    return parts;
  },

  lines(trial, at) {
    const rows = trial.requests;
    const lines = [["start", lab.text.moment(rows.start[at])]];
    for (const [phase, start, end] of lab.phasesOf(trial, at)) lines.push([lab.phases[phase].label, lab.text.duration(end - start)]);
    if (rows.end[at] === null) lines.push(["never ended", ""]);
    else lines.push(["end", lab.text.moment(rows.end[at])], ["latency", lab.text.duration(rows.end[at] - rows.start[at])]);
    if (rows.worker[at] !== null) lines.push(["served by", `worker ${rows.worker[at]}`]);
    if (rows.did[at] !== undefined) lines.push(["server", lab.text.serverAction(rows.did[at])]);
    if (rows.status[at] !== null) lines.push(["status", String(rows.status[at])]);
    if (rows.bytes[at] !== null) lines.push(["bytes", String(rows.bytes[at])]);
    return lines;
  },

  /** Show the box beside a point of the window, or hide it. */
  show(parts, x, y) {
    const box = document.getElementById("details");
    box.hidden = !parts;
    if (!parts) return;
    box.replaceChildren(...parts);
    const { width, height } = box.getBoundingClientRect();
    const left = x + 18 + width > window.innerWidth ? x - 18 - width : x + 18;
    box.style.left = `${Math.max(4, left)}px`;
    box.style.top = `${Math.max(4, Math.min(y + 14, window.innerHeight - height - 4))}px`;
  },
};
