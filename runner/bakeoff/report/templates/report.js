"use strict";
/* Sorting, charts, and the player. Without this script the page shows its tables, pictures and timelines whole. */

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const dark = matchMedia("(prefers-color-scheme: dark)");

/* --- tables: a press on a head sorts, another turns the order around; what has no number stays last --- */

function sortKey(row, column) {
  const text = row.cells[column].querySelector("b, .verdict, .name")?.textContent ?? row.cells[column].textContent;
  const plain = text.trim().replaceAll(",", "");
  const value = parseFloat(plain);
  return row.cells[column].classList.contains("n") ? value : plain;
}

function compare(a, b) {
  if (typeof a === "string") return a.localeCompare(b, undefined, { numeric: true });
  return a - b;
}

function sortBy(head) {
  const table = head.closest("table"), column = head.cellIndex, body = table.tBodies[0];
  const order = head.getAttribute("aria-sort") === "descending" ? "ascending" : "descending";
  all("th", table.tHead).forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", order);
  const keyed = [...body.rows].map((row) => [sortKey(row, column), row]);
  const known = keyed.filter(([key]) => !Number.isNaN(key)), unknown = keyed.filter(([key]) => Number.isNaN(key));
  known.sort(([a], [b]) => (order === "ascending" ? compare(a, b) : compare(b, a)));
  body.append(...[...known, ...unknown].map(([, row]) => row));
}

function makeSortable(head) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  button.addEventListener("click", () => sortBy(head));
  head.append(button);
}

/* --- charts: drawn when they come into view, painted in the page's theme, stacks shown as chosen --- */

const charts = [];
const hidden = new Set();

function paint(model, colours) {
  const set = (values) => model.setv(values);
  if (model.tags?.includes("ink")) {
    if (model.type === "Whisker" || model.type === "TeeHead") set({ line_color: colours.ink });
    else set({ line_color: { value: colours.ink } });
  } else if (model.tags?.includes("quiet")) {
    set({ text_color: { value: colours.quiet } });
  } else if (model.type.endsWith("Axis")) {
    set({ major_label_text_color: colours.quiet, axis_label_text_color: colours.quiet });
  } else if (model.type === "Grid") {
    set({ grid_line_color: colours.line });
  }
}

function dress(doc) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const colours = { ink: colour("ink"), quiet: colour("quiet"), line: colour("line") };
  for (const model of doc.all_models) paint(model, colours);
}

const shows = (model) => model.type === "GlyphRenderer" || model.type === "Whisker";

function choose(doc) {
  for (const model of doc.all_models) {
    if (model.type === "BooleanFilter") model.booleans = model.tags.map((name) => !hidden.has(name));
    else if (model.name && shows(model)) model.visible = !hidden.has(model.name);
  }
}

async function draw(place) {
  const item = JSON.parse(place.nextElementSibling.textContent);
  const views = await Bokeh.embed.embed_item(item, place);
  const root = [...views][0].model;
  if (matchMedia("(pointer: coarse)").matches) root.toolbar.active_drag = null;
  charts.push(root.document);
  dress(root.document);
  choose(root.document);
  place.dataset.drawn = "yes";
}

const inView = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((each) => each.isIntersecting)) {
    inView.unobserve(entry.target);
    draw(entry.target).catch((error) => {
      entry.target.closest("figure").classList.add("still");
      throw error;
    });
  }
}, { rootMargin: "400px" });

function toggle(box) {
  if (box.checked) hidden.delete(box.value);
  else hidden.add(box.value);
  charts.forEach(choose);
}

/* --- the player: a moment that moves over the lanes; steps before it are done, after it to come --- */

function player(root) {
  const scale = root.querySelector("input[type=range]"), play = root.querySelector(".play");
  const segments = all(".segment", root);
  const start = (segment) => Number(segment.dataset.start), end = (segment) => Number(segment.dataset.end);
  const moments = [...new Set([0, ...segments.flatMap((each) => [start(each), end(each)])])].sort((a, b) => a - b);
  const last = moments.at(-1), seconds = 8;
  let now = last, frame = 0;

  function show(moment) {
    now = Math.min(Math.max(moment, 0), last);
    scale.value = now;
    scale.setAttribute("aria-valuetext", `${now.toFixed(1)} ms`);
    root.style.setProperty("--share", now / last);
    root.querySelector(".clock").textContent = `${now.toFixed(1)} ms`;
    for (const each of segments) {
      each.dataset.state = end(each) <= now ? "done" : start(each) <= now ? "running" : "waiting";
    }
    all(".timeline", root).forEach((each) => { each.querySelector(".at").textContent = tell(each); });
  }

  function tell(timeline) {
    return all(".lane", timeline).map((lane) => {
      const name = lane.dataset.name, running = lane.querySelector("[data-state=running]");
      if (running) return `${name}: ${running.dataset.step}, ${running.dataset.name}`;
      if (!lane.querySelector("[data-state=waiting]")) return `${name}: ready`;
      return `${name}: waits`;
    }).join(" · ");
  }

  function stop() {
    cancelAnimationFrame(frame);
    frame = 0;
    play.textContent = "Play";
  }

  function run() {
    const from = now >= last ? 0 : now, began = performance.now();
    play.textContent = "Pause";
    const tick = (at) => {
      show(from + (Math.max(0, at - began) / 1000 / seconds) * last);
      if (now >= last) stop();
      else frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
  }

  function step(to) {
    stop();
    if (to !== undefined) show(to);
  }

  play.addEventListener("click", () => (frame ? stop() : run()));
  root.querySelector(".back").addEventListener("click", () => step(moments.findLast((each) => each < now - 1e-6)));
  root.querySelector(".on").addEventListener("click", () => step(moments.find((each) => each > now + 1e-6)));
  scale.addEventListener("input", () => step(Number(scale.value)));
  scale.max = last;
  show(last);
}

all("table.sortable thead th").forEach(makeSortable);
all(".stacks input").forEach((box) => box.addEventListener("change", () => toggle(box)));
all(".panel").forEach((place) => inView.observe(place));
all(".player").forEach(player);
dark.addEventListener("change", () => charts.forEach(dress));
