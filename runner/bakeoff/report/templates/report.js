"use strict";
/* Sorts tables, draws interactive charts, plays timelines. Without it the page shows tables, pictures and whole timelines. */

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const dark = matchMedia("(prefers-color-scheme: dark)");

/* --- tables: pressing a head sorts by its column, pressing it again reverses; cells without a number stay last --- */

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

/* --- charts: drawn when they come into view, in the colours of the page's theme, without the stacks that are hidden --- */

const drawnDocuments = [];
const hiddenStacks = new Set();

function applyColours(model, colours) {
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

function applyTheme(doc) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const colours = { ink: colour("ink"), quiet: colour("quiet"), line: colour("line") };
  for (const model of doc.all_models) applyColours(model, colours);
}

/* A chart with one row a stack filters rows (by the tags of the filter); others name each renderer after its stack. */
function applyHiddenStacks(doc) {
  for (const model of doc.all_models) {
    if (model.type === "BooleanFilter") model.booleans = model.tags.map((name) => !hiddenStacks.has(name));
    else if (model.name && ["GlyphRenderer", "Whisker"].includes(model.type)) model.visible = !hiddenStacks.has(model.name);
  }
}

async function drawPlot(place) {
  const item = JSON.parse(place.nextElementSibling.textContent);
  const views = await Bokeh.embed.embed_item(item, place);
  const root = [...views][0].model;
  /* On a touch screen a drag scrolls the page. */
  if (matchMedia("(pointer: coarse)").matches) root.toolbar.active_drag = null;
  drawnDocuments.push(root.document);
  applyTheme(root.document);
  applyHiddenStacks(root.document);
  place.dataset.drawn = "yes";
}

const viewObserver = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((candidate) => candidate.isIntersecting)) {
    viewObserver.unobserve(entry.target);
    drawPlot(entry.target).catch((error) => {
      entry.target.closest("figure").classList.add("still");  /* The picture is shown in its place. */
      throw error;
    });
  }
}, { rootMargin: "400px" });

function toggleStack(checkbox) {
  if (checkbox.checked) hiddenStacks.delete(checkbox.value);
  else hiddenStacks.add(checkbox.value);
  drawnDocuments.forEach(applyHiddenStacks);
}

/* --- timelines: a moment moves from start to end; steps before it are done, steps after it are waiting --- */

function makePlayer(root) {
  const slider = root.querySelector("input[type=range]"), playButton = root.querySelector(".play");
  const segments = all(".segment", root);
  const start = (segment) => Number(segment.dataset.start), end = (segment) => Number(segment.dataset.end);
  const moments = [...new Set([0, ...segments.flatMap((segment) => [start(segment), end(segment)])])].sort((a, b) => a - b);
  const last = moments.at(-1), playSeconds = 8;
  let now = last, frame = 0;

  function show(moment) {
    now = Math.min(Math.max(moment, 0), last);
    slider.value = now;
    slider.setAttribute("aria-valuetext", `${now.toFixed(1)} ms`);
    root.style.setProperty("--share", now / last);
    root.querySelector(".clock").textContent = `${now.toFixed(1)} ms`;
    for (const segment of segments) {
      segment.dataset.state = end(segment) <= now ? "done" : start(segment) <= now ? "running" : "waiting";
    }
    for (const timeline of all(".timeline", root)) timeline.querySelector(".at").textContent = describe(timeline);
  }

  /* What each request of a timeline does at this moment. */
  function describe(timeline) {
    return all(".request", timeline).map((request) => {
      const name = request.dataset.name, running = request.querySelector("[data-state=running]");
      if (running) return `${name}: ${running.dataset.step}, ${running.dataset.name}`;
      if (!request.querySelector("[data-state=waiting]")) return `${name}: ready`;
      return `${name}: waits`;
    }).join(" · ");
  }

  function stop() {
    cancelAnimationFrame(frame);
    frame = 0;
    playButton.textContent = "Play";
  }

  function run() {
    const from = now >= last ? 0 : now, startedMs = performance.now();
    playButton.textContent = "Pause";
    const tick = (nowMs) => {
      show(from + (Math.max(0, nowMs - startedMs) / 1000 / playSeconds) * last);
      if (now >= last) stop();
      else frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
  }

  function jump(moment) {
    stop();
    if (moment !== undefined) show(moment);
  }

  playButton.addEventListener("click", () => (frame ? stop() : run()));
  root.querySelector(".back").addEventListener("click", () => jump(moments.findLast((moment) => moment < now - 1e-6)));
  root.querySelector(".forward").addEventListener("click", () => jump(moments.find((moment) => moment > now + 1e-6)));
  slider.addEventListener("input", () => jump(Number(slider.value)));
  slider.max = last;
  show(last);
}

all("table.sortable thead th").forEach(makeSortable);
all(".stacks input").forEach((checkbox) => checkbox.addEventListener("change", () => toggleStack(checkbox)));
all(".plot").forEach((place) => viewObserver.observe(place));
all(".player").forEach(makePlayer);
dark.addEventListener("change", () => drawnDocuments.forEach(applyTheme));
