// SPDX-License-Identifier: Apache-2.0
// /v1/history as comma-separated values (RFC 4180): a sixth of its JSON, for the daemon's memory too.
import { text } from "./api.js";

const TEXTS = ["gpuUuid", "generation", "profile", "tenant", "job"];

// Cells of each line; in quotes a cell may have commas, quotes (twice) and ends of lines.
export function cellsOf(csv) {
  const lines = [];
  let line = [];
  let cell = "";
  let quoted = false;
  for (let i = 0; i < csv.length; i += 1) {
    const c = csv[i];
    if (quoted) {
      if (c !== '"') {
        cell += c;
      } else if (csv[i + 1] === '"') {
        cell += c;
        i += 1;
      } else {
        quoted = false;
      }
    } else if (c === '"') {
      quoted = true;
    } else if (c === "," || c === "\n") {
      line.push(cell);
      cell = "";
      if (c === "\n") {
        lines.push(line);
        line = [];
      }
    } else {
      cell += c;
    }
  }
  return lines;
}

function valueOf(column, cell) {
  if (cell === "") {
    return null;
  }
  if (!TEXTS.includes(column)) {
    return Number(cell);
  }
  return /^'[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell;  // which keeps a spreadsheet from calculating
}

export async function history(query) {
  const [columns, ...lines] = cellsOf(await text("v1/history", { ...query, format: "csv" }));
  return lines.map((line) => Object.fromEntries(columns.map((column, i) => [column, valueOf(column, line[i])])));
}
