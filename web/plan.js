// SPDX-License-Identifier: Apache-2.0
// A layout file, planned: strips before and after, the steps, and who stands in the way. Only what was shown can be applied, and
// the daemon refuses when the machine has changed since.
import { send } from "./api.js";
import { confirmed } from "./dialogs.js";
import { byId, make, name, span } from "./dom.js";
import { mayBe, textOf } from "./panels.js";
import { planStrip } from "./strips.js";

const same = (a, b) => a.profile === b.profile && a.placement.start === b.placement.start && a.placement.size === b.placement.size;

function gpuPart(gpu) {
  const marked = (list, word) => (cell) => (list.some((one) => same(one, cell)) ? word : "");
  const part = make("div", { class: "gpu" }, make("h3", {}, `GPU ${gpu.index} ${gpu.name}`),
    make("p", { class: "soft" }, "before"), planStrip(gpu.before, marked(gpu.destroyed, "destroyed")),
    make("p", { class: "soft" }, "after"), planStrip(gpu.after, marked(gpu.created, "created")));
  if (gpu.blockers.length) {
    part.append(make("p", { class: "notice" }, "In the way:"), make("ul", {}, ...gpu.blockers.map((one) => make("li", {}, name(one.what)))));
  }
  return part;
}

const steps = (plan) => make("ol", {}, ...plan.steps.map((step) => make("li", {}, step.text)));

export class PlanPanel {
  constructor() {
    this.shown = null;
    byId("plan-now").addEventListener("click", () => this.plan());
    byId("plan-apply").addEventListener("click", () => this.apply());
    for (const id of ["plan-text", "plan-config"]) {
      byId(id).addEventListener("input", () => this.offer(null));
    }
  }

  use(me) {
    this.me = me;
    byId("plan-now").disabled = !mayBe(me, "operator");
    byId("plan-now").title = mayBe(me, "operator") ? "" : "for operators and admins";
    this.offer(this.shown);
  }

  // A changed text is not what was planned.
  offer(shown) {
    this.shown = shown;
    byId("plan-apply").hidden = !(shown && shown.plan.steps.length && !shown.plan.blocked && mayBe(this.me, "admin"));
  }

  say(...parts) {
    byId("plan-result").replaceChildren(...parts);
  }

  async plan() {
    const asked = { layout: byId("plan-text").value };
    if (byId("plan-config").value) {
      asked.config = byId("plan-config").value;
    }
    this.offer(null);
    this.say(make("p", {}, "planning"));
    try {
      const plan = await send("POST", "v1/plan", asked);
      const verdict = plan.blocked ? "Somebody uses what would have to go: nothing can be applied."
        : plan.steps.length ? `${plan.steps.length} steps, about ${span(plan.estimatedMs)}.` : "The machine is like that already.";
      this.say(make("p", { class: plan.blocked ? "notice" : "" }, verdict), ...plan.warnings.map((text) => make("p", { class: "soft" }, text)),
        ...plan.gpus.map(gpuPart), steps(plan));
      this.offer({ plan, asked });
    } catch (error) {
      this.say(make("p", { class: "notice" }, textOf(error)));
    }
  }

  async apply() {
    const { plan, asked } = this.shown;
    if (!await confirmed("Change the layout?", [`Config ${plan.label}, ${plan.steps.length} steps:`, steps(plan)], "Change the layout")) {
      return;
    }
    this.offer(null);
    this.say(make("p", {}, "changing the layout"));
    try {
      const result = await send("POST", "v1/apply", { ...asked, reason: "dashboard", generation: plan.generation,
        steps: plan.steps.map((step) => step.text) });
      const trouble = result.failure ? `: ${result.failure.message}` : "";
      this.say(make("p", { class: result.failure ? "notice" : "" }, `The change is ${result.outcome.replace("_", " ")}${trouble}.`));
    } catch (error) {
      this.say(make("p", { class: "notice" }, textOf(error)));
    }
  }
}
