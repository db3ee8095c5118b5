// SPDX-License-Identifier: Apache-2.0
// Elements, tables and texts. All text goes in by textContent: names of jobs and processes are whatever their owners chose.
// What stays is kept, so that the keyboard's focus does not move when readings change.

export const byId = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") {
      element.className = value;
    } else if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function say(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

export function style(element, name, value) {
  if (element.style.getPropertyValue(name) !== value) {
    element.style.setProperty(name, value);
  }
}

export function attribute(element, name, value) {
  if (value === null) {
    element.removeAttribute(name);
  } else if (element.getAttribute(name) !== String(value)) {
    element.setAttribute(name, value);
  }
}

export function classes(element, value) {
  if (element.className !== value) {
    element.className = value;
  }
}

// Children of `parent`, one for each item, in order; an item that was there keeps its element.
export function keyed(parent, items, keyOf, create, update) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let before = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let element = known.get(key);
    known.delete(key);
    if (!element) {
      element = create(item);
      element.dataset.key = key;
    }
    if (element === before) {
      before = before.nextElementSibling;
    } else {
      parent.insertBefore(element, before);
    }
    update(element, item);
  }
  for (const element of known.values()) {
    element.remove();
  }
}

// A table whose columns are {head, of(row) -> text, number element(row) -> Node, number: bool}.
export function table(box, caption, columns, rows, keyOf, empty) {
  if (!box.table) {
    const head = make("tr", {}, ...columns.map((column) => make("th", { scope: "col", class: column.number ? "number" : "" }, column.head)));
    const body = make("tbody");
    const scroll = make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": `${caption}, a table` },
      make("table", {}, make("thead", {}, head), body));
    const none = make("p", { class: "empty" }, empty);
    box.append(scroll, none);
    box.table = { body, scroll, none };
  }
  box.table.scroll.hidden = rows.length === 0;
  box.table.none.hidden = rows.length !== 0;
  say(box.table.none, empty);
  keyed(box.table.body, rows, keyOf,
    (row) => make("tr", {}, ...columns.map((column) => {
      const cell = make("td", { class: column.number ? "number" : "" });
      if (column.element) {
        cell.append(column.element(row));
      }
      return cell;
    })),
    (line, row) => columns.forEach((column, i) => {
      if (column.of) {
        put(line.cells[i], column.of(row));
      }
      if (column.update) {
        column.update(line.cells[i], row);
      }
    }));
}

// null is unknown, and says so.
export function put(element, value) {
  const unknown = value === null || value === undefined;
  element.classList.toggle("unknown", unknown);
  say(element, unknown ? "unknown" : String(value));
}

export const known = (value) => value !== null && value !== undefined;
export const percent = (value) => (known(value) ? `${Math.round(value * 100)} %` : null);
export const watts = (value) => (known(value) ? `${Math.round(value)} W` : null);
export const celsius = (value) => (known(value) ? `${Math.round(value)} °C` : null);

export function bytes(value) {
  if (!known(value)) {
    return null;
  }
  const gib = value / 2 ** 30;
  return gib >= 10 ? `${gib.toFixed(0)} GiB` : gib >= 1 ? `${gib.toFixed(1)} GiB` : `${(value / 2 ** 20).toFixed(0)} MiB`;
}

export const of = (part, whole, write) =>
  (known(part) || known(whole) ? `${write(part) ?? "unknown"} of ${write(whole) ?? "unknown"}` : null);

export function span(ms) {
  if (!known(ms)) {
    return null;
  }
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) {
    return `${seconds} s`;
  }
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) {
    return `${minutes} min`;
  }
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}

export function clock(ms, date = false) {
  if (!known(ms)) {
    return null;
  }
  const when = new Date(ms);
  const two = (n) => String(n).padStart(2, "0");
  const time = `${two(when.getHours())}:${two(when.getMinutes())}:${two(when.getSeconds())}`;
  return date ? `${when.getFullYear()}-${two(when.getMonth() + 1)}-${two(when.getDate())} ${time}` : time;
}

// Names of others may hold characters that turn the text around them; those are shown, not obeyed.
export function name(text) {
  return known(text) ? text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, "\ufffd") : text;
}
