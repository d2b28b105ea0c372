"use strict";
// Draws the whole page, and again when the theme, the width or the selection changes.

const PICTURE = "#picture"; // the fragment with which `lab.py report --format png` opens the page

lab.start = () => {
  const choose = (id, options, chosen) => {
    const list = document.getElementById(id);
    list.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    list.value = chosen;
    document.getElementById(`${id}-choice`).hidden = options.length < 2;
  };
  const traced = lab.data.trials.some((trial) => trial.traced);
  const repeats = d3.sort(new Set(lab.data.trials.filter((trial) => !trial.traced).map((trial) => String(trial.repeat))), Number);
  choose("point", lab.data.points.map((text, number) => [String(number), text]), "0");
  choose("trial", [...(traced ? [["traced", "traced"]] : []), ...repeats.map((repeat) => [repeat, `repeat ${repeat}`])], traced ? "traced" : repeats[0]);

  const rows = document.getElementById("rows");
  const most = () => d3.max(lab.panels.chosen(), (trial) => trial.requests.id.length) ?? 0;
  const draw = () => {
    lab.readColours();
    lab.charts.draw();
    lab.panels.resize();
    lab.panels.drawLegend();
    lab.panels.drawNow();
    lab.overTime.draw(lab.panels.chosen());
  };
  const rebuild = () => {
    lab.panels.build();
    lab.overTime.draw(lab.panels.chosen());
  };
  const setTheme = (dark) => {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    document.querySelector("#theme span").textContent = dark ? "light" : "dark";
  };
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const asPicture = location.hash === PICTURE;
  setTheme(prefersDark.matches && !asPicture);
  lab.readColours();
  rows.value = most() > MOST_ROWS ? "lanes" : "requests";
  lab.charts.draw();
  rebuild();
  document.getElementById("save-all").append(lab.pictures.buttons("timelines", () => lab.panels.picture(), "all "));
  if (asPicture) {
    lab.pictures.replacePage(lab.panels.picture());
    return;
  }

  const changeTheme = (dark) => {
    setTheme(dark);
    draw();
  };
  prefersDark.addEventListener("change", (event) => changeTheme(event.matches));
  document.getElementById("theme").addEventListener("click", () => changeTheme(document.documentElement.dataset.theme === "light"));
  for (const id of ["point", "trial", "rows"]) document.getElementById(id).addEventListener("change", rebuild);
  document.getElementById("zoom-in").addEventListener("click", () => lab.panels.zoomBy(1.6));
  document.getElementById("zoom-out").addEventListener("click", () => lab.panels.zoomBy(1 / 1.6));
  document.getElementById("zoom-fit").addEventListener("click", () => lab.panels.fit());
  document.addEventListener("keydown", (event) => event.key === "Escape" && lab.panels.release());
  // The details of a selected request stand beside its bar, which moves when the page scrolls.
  window.addEventListener("scroll", () => lab.panels.held && lab.panels.release(), { passive: true });
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    draw();
  });
  let before = null;
  window.addEventListener("beforeprint", () => {
    before = document.documentElement.dataset.theme;
    document.documentElement.classList.add("printing");
    changeTheme(false);
  });
  window.addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    changeTheme(before === "dark");
  });
};

lab.start();
