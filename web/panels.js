// SPDX-License-Identifier: Apache-2.0
// Tables of what the API gives: leases, queue, processes, what was asked for and used, events.
import { Refused, send } from "./api.js";
import { byId, bytes, clock, known, make, name, percent, span, table } from "./dom.js";
import { confirmed } from "./dialogs.js";
import { usesOf } from "./strips.js";

const RANK = { none: 0, viewer: 1, user: 2, operator: 3, admin: 4 };
export const mayBe = (me, role) => RANK[me?.role ?? "none"] >= RANK[role];

const mayRelease = (me, lease) => !lease.ending && mayBe(me, "user") && (mayBe(me, "operator") || lease.tenant === me.tenant);

async function release(lease, after) {
  const what = `Lease ${lease.id} of ${name(lease.tenant)}: ${lease.profile} on GPU ${lease.gpu}, gi ${lease.gpuInstance}${
    known(lease.job) ? `, job ${name(lease.job)}` : ""}.`;
  const then = "What it started is told to end (SIGTERM), and is killed when its grace is over.";
  if (!await confirmed("Release this lease?", [what, then], known(lease.job) ? "Stop the job" : "Release")) {
    return;
  }
  try {
    await send("DELETE", `v1/leases/${lease.id}`);
    after(null);
  } catch (error) {
    after(error);
  }
}

const isExternal = ({ holder }) => Boolean(holder) && known(holder.external);
const holderOf = (lease) => (!lease.holder ? "its time" : isExternal(lease) ? `external: ${name(lease.job)}`
  : known(lease.holder.pid) ? `pid ${lease.holder.pid}` : lease.holder.unit);
const endsAJob = (lease) => known(lease.job) && !isExternal(lease);

export function showLeases(leases, me, after) {
  const button = (lease) => {
    const element = make("button", { type: "button" }, endsAJob(lease) ? "Stop job" : "Release");
    element.addEventListener("click", () => release(element.lease, after));
    return element;
  };
  table(byId("leases-table"), "Leases", [
    { head: "Lease", number: true, of: (lease) => lease.id },
    { head: "Tenant", of: (lease) => name(lease.tenant) },
    { head: "Job", of: (lease) => (known(lease.job) ? name(lease.job) : "") },
    { head: "Instance", of: (lease) => `GPU ${lease.gpu} ${lease.profile} gi ${lease.gpuInstance}${lease.vanished ? ", gone" : ""}` },
    { head: "Held by", of: holderOf },
    { head: "Since", of: (lease) => clock(lease.grantedMs, true) },
    { head: "Left", number: true, of: (lease) => (lease.ending ? `ending: ${lease.ending}` : known(lease.leftMs) ? span(lease.leftMs) : "no limit") },
    { head: "Action", element: button, update: (cell, lease) => {
      cell.firstChild.lease = lease;
      cell.firstChild.hidden = !mayRelease(me, lease);
      cell.firstChild.setAttribute("aria-label", `${endsAJob(lease) ? "Stop the job of" : "Release"} lease ${lease.id}`);
    } }], leases.leases, (lease) => lease.id, leases.others ? `${leases.others} leases of others.` : "Nobody has a lease.");
}

export function showQueue(queue) {
  table(byId("queue-table"), "Queue", [
    { head: "Place", number: true, of: (entry) => entry.position },
    { head: "Tenant", of: (entry) => name(entry.tenant) },
    { head: "Job", of: (entry) => (known(entry.job) ? name(entry.job) : "") },
    { head: "Wants", of: (entry) => `${entry.count} x ${entry.wants}` },
    { head: "Waits since", of: (entry) => clock(entry.sinceMs, true) },
    { head: "Starts in", number: true, of: (entry) => span(entry.forecastMs) },
    { head: "Why it waits", of: (entry) => entry.reason }], queue.queue, (entry) => entry.id,
  queue.others ? `${queue.others} requests of others wait.` : "Nobody waits.");
}

const ownerOf = ({ owner }) => [owner.slurmJob && `Slurm job ${owner.slurmJob}`, owner.pod && `pod ${owner.pod}`,
  owner.container && `${owner.containerRuntime ?? "container"} ${owner.containerName || owner.container.slice(0, 12)}`, owner.unit].filter(Boolean).map(name).join(", ");

export function showProcesses(sample) {
  const rows = sample.gpus.flatMap((gpu) => gpu.processes.map((process) => ({ gpu, process })));
  table(byId("processes-table"), "Processes", [
    { head: "Pid", number: true, of: ({ process }) => process.pid },
    { head: "Name", of: ({ process }) => name(process.name) },
    { head: "Tenant", of: ({ process }) => name(process.tenant) },
    { head: "Lease", number: true, of: ({ process }) => process.lease ?? "none" },
    { head: "Where", of: ({ gpu, process }) => `GPU ${gpu.index}${known(process.gpuInstance) ? ` gi ${process.gpuInstance}` : ""}` },
    { head: "Memory", number: true, of: ({ process }) => bytes(process.memoryBytes) },
    { head: "Belongs to", of: ({ process }) => ownerOf(process) }], rows,
  ({ gpu, process }) => `${gpu.uuid} ${process.pid} ${process.gpuInstance} ${process.computeInstance}`, "No process that you may see.");
}

function quantile(values, share) {
  const there = values.filter(known).sort((a, b) => a - b);
  return there.length ? there[Math.min(there.length - 1, Math.floor(share * there.length))] : null;
}

// Each leased instance: what was asked for, and what its last hour used of it.
export function showUse(sample, rows) {
  const leased = sample.gpus.flatMap((gpu) => gpu.gpuInstances.filter((instance) => usesOf(instance).length)
    .map((instance) => ({ gpu, instance, use: usesOf(instance)[0], rows: rows.filter((row) =>
      row.gpuUuid === gpu.uuid && row.generation === instance.generation && row.tenant === usesOf(instance)[0].tenant) })));
  const memory = ({ rows: all, instance }) => quantile([...all.map((row) => row.memoryMaxBytes), instance.memoryUsedBytes], 0.95);
  const share = (one) => (known(memory(one)) && one.instance.memoryTotalBytes ? memory(one) / one.instance.memoryTotalBytes : null);
  table(byId("use-table"), "Asked and used", [
    { head: "Tenant", of: ({ use }) => name(use.tenant) },
    { head: "Job", of: ({ use }) => (known(use.job) ? name(use.job) : "") },
    { head: "Asked", of: ({ gpu, instance }) => `GPU ${gpu.index} ${instance.profile} gi ${instance.id}` },
    { head: "SMs", number: true, of: ({ instance }) => instance.sm },
    { head: "SM use, 95 %", number: true, of: ({ rows: all, instance }) => percent(quantile([...all.map((row) => row.smMax), instance.activity.sm], 0.95)) },
    { head: "Memory", number: true, of: ({ instance }) => bytes(instance.memoryTotalBytes) },
    { head: "Memory used, 95 %", number: true, of: (one) => bytes(memory(one)) },
    { head: "Share", number: true, of: (one) => percent(share(one)) },
    { head: "Idle since", of: ({ instance }) => (known(instance.idleSinceMs) ? clock(instance.idleSinceMs, true) : "") },
    { head: "Minutes seen", number: true, of: ({ rows: all }) => all.length }], leased,
  ({ gpu, instance }) => `${gpu.uuid} ${instance.generation}`, "No instance is leased.");
}

const KINDS = ["layout", "lease", "job", "xid", "drift", "alert"];
const MOST_EVENTS = 200;

export class EventList {
  constructor() {
    this.all = [];
    const pick = byId("events-kind");
    pick.append(...KINDS.map((kind) => make("option", { value: kind }, kind)));
    pick.addEventListener("change", () => this.show());
  }

  add(event) {
    this.all.unshift(event);
    this.all.length = Math.min(this.all.length, MOST_EVENTS);
    this.show();
  }

  show() {
    const kind = byId("events-kind").value;
    table(byId("events-table"), "Events", [
      { head: "Time", of: (event) => clock(event.timeMs) },
      { head: "Kind", of: (event) => (known(event.action) ? `${event.type}: ${event.action}` : event.type) },
      { head: "GPU", number: true, of: (event) => event.gpu ?? "" },
      { head: "Tenant", of: (event) => (known(event.tenant) ? name(event.tenant) : "") },
      { head: "What", of: (event) => name(event.message) }],
    this.all.filter((event) => !kind || event.type === kind), (event) => event.id, "Nothing since the page was opened.");
  }
}

export const textOf = (error) => (error instanceof Refused ? error.message + (error.hint ? ` (${error.hint})` : "") : `the daemon cannot be reached: ${error.message}`);
