// SPDX-License-Identifier: Apache-2.0
// The question before an action; the token; the colours of the page.
import { token, useToken } from "./api.js";
import { byId, make, say } from "./dom.js";

// Shows what would be done, and waits for yes or no. Esc and Cancel are no, and have the focus.
export function confirmed(title, parts, yes) {
  const dialog = byId("confirm");
  say(byId("confirm-h"), title);
  byId("confirm-body").replaceChildren(...parts.map((part) => (typeof part === "string" ? make("p", {}, part) : part)));
  say(byId("confirm-yes"), yes);
  return new Promise((done) => {
    const answer = (value) => () => {
      dialog.onclose = null;
      dialog.close();
      done(value);
    };
    byId("confirm-yes").onclick = answer(true);
    byId("confirm-no").onclick = answer(false);
    dialog.onclose = () => dialog.open || done(false);  // told late, it may be of the question before
    dialog.showModal();
    byId("confirm-no").focus();
  });
}

export function askToken() {
  const dialog = byId("token-dialog");
  if (!dialog.open) {
    byId("token-text").value = "";
    byId("token-forget").disabled = token() === "";
    dialog.showModal();
    byId("token-text").focus();
  }
}

export function startTokens(changed) {
  const dialog = byId("token-dialog");
  const use = (text) => {
    useToken(text.trim());
    byId("token-text").value = "";
    dialog.close();
    changed();
  };
  byId("token-button").addEventListener("click", askToken);
  byId("token-cancel").addEventListener("click", () => dialog.close());
  byId("token-forget").addEventListener("click", () => use(""));
  byId("token-use").addEventListener("click", () => use(byId("token-text").value));
  byId("token-text").addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      use(byId("token-text").value);
    }
  });
}

const THEMES = ["system", "light", "dark"];

export function startTheme() {
  const show = (theme) => {
    if (theme === "system") {
      delete document.documentElement.dataset.theme;
    } else {
      document.documentElement.dataset.theme = theme;
    }
    say(byId("theme-button"), `Theme: ${theme}`);
  };
  const kept = localStorage.getItem("migd-theme");
  let theme = THEMES.includes(kept) ? kept : "system";
  show(theme);
  byId("theme-button").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    localStorage.setItem("migd-theme", theme);
    show(theme);
  });
}
