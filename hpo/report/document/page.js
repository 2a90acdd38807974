// Draws the figures of the report when they come near the screen, all of them before printing.
"use strict";
(() => {
  const PAPER_WIDTH = 660, NEAR = "900px";
  const LIGHT = {ink: "#1b1f24", muted: "#5b6470", rule: "#e6e9ed", axis: "#8a929c", paper: "#ffffff"};
  const DARK = {ink: "#e4e7ea", muted: "#a3acb6", rule: "#2d333a", axis: "#77818c", paper: "#1c2025"};
  const FONT = getComputedStyle(document.documentElement).getPropertyValue("--body").trim();
  const SHAPES = {
    circle: "M3,7a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z", square: "M3.5,3.5h7v7h-7Z", diamond: "M7,2l5,5l-5,5l-5,-5Z",
    "triangle-up": "M7,2.5l4.8,8.5h-9.6Z", "triangle-down": "M7,11.5l4.8,-8.5h-9.6Z",
    cross: "M5.5,2.5h3v3h3v3h-3v3h-3v-3h-3v-3h3Z", x: "M4,2l3,3l3,-3l2,2l-3,3l3,3l-2,2l-3,-3l-3,3l-2,-2l3,-3l-3,-3Z",
    star: "M7,1.5l1.6,3.7l4,.4l-3,2.7l.9,3.9l-3.5,-2l-3.5,2l.9,-3.9l-3,-2.7l4,-.4Z",
  };
  const DASHES = {solid: "", dash: "5 3", dot: "1.5 2.5", dashdot: "5 2.5 1.5 2.5"};
  // plotly.js offers to send a figure to its makers' server unless told otherwise.
  const CONFIG = {
    displaylogo: false,
    showSendToCloud: false,
    plotlyServerURL: "",
    modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
  };
  const isDark = matchMedia("(prefers-color-scheme: dark)");
  const isTouch = matchMedia("(pointer: coarse)");
  const isSmall = matchMedia("(max-width: 40rem)");
  let isPrinting = false;

  const theme = () => (isDark.matches && !isPrinting ? DARK : LIGHT);

  class Plot {
    constructor(figure) {
      this.figure = figure;
      this.place = figure.querySelector(".plot");
      this.legend = figure.querySelector(".legend");
      this.buttons = [...figure.querySelectorAll(".views button")];
      this.source = figure.querySelector("script").textContent;
      this.parsed = new Map();
      this.number = 0;
      this.hidden = new Set();
      this.isDrawn = false;
      this.buttons.forEach((button, number) => button.addEventListener("click", () => this.show(number)));
    }

    // The colour that stands for black is light on a dark screen.
    get view() {
      const {ink} = theme();
      if (!this.parsed.has(ink)) {
        this.parsed.set(ink, JSON.parse(this.source.replaceAll(`"${LIGHT.ink}"`, `"${ink}"`)));
      }
      return this.parsed.get(ink)[this.number];
    }

    show(number) {
      this.number = number;
      this.buttons.forEach((button, other) => button.setAttribute("aria-pressed", other === number));
      this.draw();
    }

    draw() {
      const {view} = this;
      const names = view.legend.map((line) => line.name);
      const traces = view.traces.map((trace) => ({...trace, visible: !this.hidden.has(names[trace.meta])}));
      this.isDrawn = true;
      this.drawLegend(view);
      this.figure.querySelector(".raised").hidden = !view.hasRaised;
      this.figure.querySelector(".y-title").textContent = view.yTitle;
      this.figure.querySelector(".x-title").textContent = view.xTitle;
      this.place.style.minHeight = "0";
      Plotly.react(this.place, traces, this.layout(view), {...CONFIG, displayModeBar: isTouch.matches ? false : "hover"});
    }

    layout(view) {
      const {ink, muted, rule, axis, paper} = theme();
      const width = isPrinting ? PAPER_WIDTH : this.place.clientWidth;
      const line = {gridcolor: rule, linecolor: axis, tickcolor: axis, showline: true, ticks: "outside", ticklen: 4};
      const touch = isTouch.matches ? {fixedrange: true} : {};
      const side = (own) => ({
        ...line, ...touch, ...own, tickfont: {size: isSmall.matches ? 11 : 12, color: ink},
      });
      return {
        ...view.layout,
        width,
        height: view.layout.height - (isPrinting ? 100 : isSmall.matches ? 60 : 0),
        font: {family: FONT, size: 12, color: ink},
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        showlegend: false,
        hovermode: "closest",
        dragmode: isTouch.matches ? false : "zoom",
        boxmode: "overlay",
        barmode: "overlay",
        hoverlabel: {bgcolor: paper, bordercolor: axis, font: {family: FONT, size: 12, color: ink}, align: "left", namelength: 40},
        modebar: {bgcolor: "rgba(0,0,0,0)", color: axis, activecolor: ink},
        xaxis: side(view.layout.xaxis),
        yaxis: side(view.layout.yaxis),
        shapes: view.layout.shapes.map((one) => ({...one, label: {...one.label, font: {size: 12, color: muted}}})),
      };
    }

    drawLegend(view) {
      const lines = view.legend.map((line) => this.legendLine(line));
      this.legend.replaceChildren(...lines, ...(view.shades ? [shadesLegend(view)] : []));
    }

    legendLine(line) {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", !this.hidden.has(line.name));
      button.append(swatch(line), line.name);
      button.addEventListener("click", () => {
        this.hidden[this.hidden.has(line.name) ? "delete" : "add"](line.name);
        this.draw();
      });
      return button;
    }
  }

  function swatch(line) {
    const isCurve = ["step", "line", "thin"].includes(line.kind);
    const isArea = ["band", "bar"].includes(line.kind);
    const picture = svg("svg", {width: isCurve ? 24 : 14, height: 14, "aria-hidden": "true"});
    if (isCurve) {
      picture.append(svg("path", {d: "M1,7h22", stroke: line.color, "stroke-width": 2.4, "stroke-dasharray": DASHES[line.dash]}));
    } else if (isArea) {
      picture.append(svg("rect", {x: 1, y: 2, width: 12, height: 10, fill: line.color, opacity: line.kind === "band" ? 0.3 : 1}));
    } else {
      picture.append(svg("path", {d: SHAPES[line.symbol], fill: line.color}));
    }
    return picture;
  }

  function svg(name, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    return element;
  }

  function shadesLegend(view) {
    const legend = document.createElement("span");
    const ramp = document.createElement("span");
    const stops = view.traces.find((trace) => trace.colorscale).colorscale.map(([, color]) => color);
    legend.style.cssText = ramp.style.cssText = "display:inline-flex;align-items:center;gap:0.5rem";
    ramp.className = "ramp";
    ramp.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
    legend.append("worst", ramp, "best");
    return legend;
  }

  async function unpack() {
    const packed = Uint8Array.from(atob(document.querySelector("script[type='application/gzip']").textContent), (char) => char.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  }

  function start(plots) {
    const near = new IntersectionObserver((entries) => {
      for (const {isIntersecting, target} of entries) {
        if (isIntersecting) {
          near.unobserve(target);
          plots.get(target).draw();
        }
      }
    }, {rootMargin: NEAR});
    plots.forEach((plot, figure) => near.observe(figure));
    const redraw = () => plots.forEach((plot) => plot.isDrawn && plot.draw());
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth !== width && !isPrinting) {
        width = innerWidth;
        requestAnimationFrame(redraw);
      }
    });
    isDark.addEventListener("change", redraw);
    addEventListener("beforeprint", () => {
      isPrinting = true;
      plots.forEach((plot) => plot.draw());
    });
    addEventListener("afterprint", () => {
      isPrinting = false;
      redraw();
    });
  }

  const unfold = () => {
    const fold = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)))?.closest("section")?.querySelector(".fold");
    if (fold) fold.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();
  const contents = document.querySelector("nav details");
  if (matchMedia("(max-width: 68rem)").matches) contents.open = false;
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
  const plots = new Map([...document.querySelectorAll("figure.plotted")].map((figure) => [figure, new Plot(figure)]));
  if (plots.size) {
    unpack().then(() => start(plots)).catch((error) => {
      console.error(error);
      plots.forEach((plot) => { plot.place.textContent = "This browser cannot draw the figure; its PNG lies beside the CSV."; });
    });
  }
})();
