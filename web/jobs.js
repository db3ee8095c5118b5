// SPDX-License-Identifier: Apache-2.0
// The caller's jobs of `migctl run`, and what they wrote.
import { get, text } from "./api.js";
import { byId, clock, known, make, name, say, span, table } from "./dom.js";
import { textOf } from "./panels.js";

const LINES = 500;

export class Jobs {
  constructor() {
    byId("jobs-all").addEventListener("change", () => this.load());
    byId("job-log-close").addEventListener("click", () => {
      byId("job-log").hidden = true;
      byId("jobs-all").focus();
    });
  }

  async load() {
    try {
      const query = byId("jobs-all").checked ? { all: "true" } : {};
      this.show((await get("v1/jobs", query)).jobs, "You have no jobs.");
    } catch (error) {
      this.show([], textOf(error));
    }
  }

  show(jobs, empty) {
    const button = (job) => make("button", { type: "button", "aria-label": `Log of job ${job.id}`, onclick: () => this.log(job.id) }, "Log");
    table(byId("jobs-table"), "Jobs", [
      { head: "Job", number: true, of: (job) => job.id },
      { head: "Name", of: (job) => (known(job.name) ? name(job.name) : "") },
      { head: "State", of: (job) => (known(job.exitCode) ? `${job.state}, exit code ${job.exitCode}` : job.state) },
      { head: "Command", of: (job) => name(job.command) },
      { head: "Instances", of: (job) => job.ranks.map((rank) => `GPU ${rank.instance.gpu} ${rank.instance.profile}`).join(", ") },
      { head: "Since", of: (job) => clock(job.startedMs ?? job.createdMs, true) },
      { head: "Ran", number: true, of: (job) => (known(job.finishedMs) && known(job.startedMs) ? span(job.finishedMs - job.startedMs) : "") },
      { head: "Output", element: button }], jobs, (job) => job.id, empty);
  }

  async log(id) {
    byId("job-log").hidden = false;
    say(byId("job-log-h"), `Log of job ${id}, the last ${LINES} lines`);
    try {
      say(byId("job-log-text"), await text(`v1/jobs/${id}/log`, { lines: LINES }));
    } catch (error) {
      say(byId("job-log-text"), textOf(error));
    }
    byId("job-log-text").scrollTop = byId("job-log-text").scrollHeight;
    byId("job-log-text").focus();
  }
}
