// What is drawn over a light curve: quarters, transits of candidates, cadences whose quality is in doubt.

import type uPlot from "uplot";
import type { CurveState, Piece } from "./curve_types";
import type { Window } from "./plot";
import type { Flag } from "./quality";
import { colour, markColour } from "./theme";
import { QUARTER_EDGES, campaignAt } from "./time";

const FEW = 60; // transits in a window up to which each has its number and its duration drawn (chosen)

/** Draw within the axes alone. */
export function within(plot: uPlot, draw: () => void): void {
  const { ctx } = plot;
  const { left, top, width, height } = plot.bbox;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.font = `${10 * devicePixelRatio}px system-ui, sans-serif`;
  draw();
  ctx.restore();
}

/** Transits of what is marked: their middles below, near also how long they take. */
export function drawTransits(plot: uPlot, { from, to }: Window, { candidates, marked }: CurveState): void {
  const { ctx } = plot;
  const { top, width: wide, height } = plot.bbox;
  const pixel = devicePixelRatio;
  const shown = candidates.filter((one) => marked.has(one.number));
  shown.forEach((candidate, row) => {
    const inside = candidate.transits.filter((time) => time >= from && time <= to);
    ctx.fillStyle = markColour(candidate.number);
    const few = inside.length <= FEW;
    const y = top + height - (4 + (shown.length - row - 1) * 6) * pixel;
    for (const time of inside) {
      const x = plot.valToPos(time, "x", true);
      const half = (candidate.duration / 48 / (to - from)) * wide;
      if (half > pixel) {
        ctx.globalAlpha = 0.13;
        ctx.fillRect(x - half, top, 2 * half, height);
        ctx.globalAlpha = 1;
      }
      const size = (few ? 4 : 3) * pixel;
      ctx.beginPath();
      ctx.moveTo(x, y - size);
      ctx.lineTo(x + size, y + size / 2);
      ctx.lineTo(x - size, y + size / 2);
      ctx.fill();
      if (inside.length <= 12) ctx.fillText(String(candidate.number), x + size + pixel, y + size / 2);
    }
  });
}

/** The campaign of K2 at the beginning of each piece, and once where a pause divides it. */
export function drawCampaigns(plot: uPlot, { from, to }: Window, pieces: readonly Piece[]): void {
  const { ctx, bbox } = plot;
  const pixel = devicePixelRatio;
  ctx.textBaseline = "top";
  ctx.textAlign = "left";
  ctx.fillStyle = colour("muted");
  let before = -1;
  for (const { time } of pieces) {
    const [first, last] = [time[0] ?? to, time.at(-1) ?? from];
    const number = campaignAt(first);
    if (number === before || last < from || first > to) continue;
    before = number;
    ctx.fillText(`C${number}`, plot.valToPos(Math.max(first, from), "x", true) + 4 * pixel, bbox.top + 3 * pixel);
  }
  ctx.textBaseline = "alphabetic";
}

/** Cadences whose quality the file doubts. */
export function drawDoubts(plot: uPlot, { from, to }: Window, flagged: Flag[]): void {
  const { ctx } = plot;
  const { top } = plot.bbox;
  const pixel = devicePixelRatio;
  ctx.strokeStyle = colour("model");
  ctx.lineWidth = pixel;
  for (const { time } of flagged) {
    if (time < from || time > to) continue;
    const x = plot.valToPos(time, "x", true);
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + 5 * pixel);
    ctx.stroke();
  }
}

/** Where quarters begin, and their numbers; only of those that have points. */
export function drawQuarters(plot: uPlot, { from, to }: Window, known: ReadonlyMap<number, number>): void {
  const { ctx } = plot;
  const { top, height } = plot.bbox;
  const pixel = devicePixelRatio;
  ctx.textBaseline = "top";
  ctx.strokeStyle = colour("rule");
  ctx.lineWidth = pixel;
  QUARTER_EDGES.forEach((start, number) => {
    const end = QUARTER_EDGES[number + 1] ?? start + 32;
    if (end < from || start > to || !known.has(number)) return;
    const [a, b] = [Math.max(start, from), Math.min(end, to)].map((time) => plot.valToPos(time, "x", true)) as [number, number];
    ctx.beginPath();
    ctx.moveTo(a, top);
    ctx.lineTo(a, top + height);
    ctx.stroke();
    if (b - a < 22 * pixel) return;
    ctx.fillStyle = colour("muted");
    ctx.textAlign = "left";
    ctx.fillText(`Q${number}`, a + 4 * pixel, top + 3 * pixel);
  });
  ctx.textBaseline = "alphabetic";
}
