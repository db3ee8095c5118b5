// SPDX-License-Identifier: Apache-2.0
// What is read when. Samples come once a tick while the page is seen; all else when an event tells that it has changed, and now and
// then in case one was missed.
import { Events, get, Refused } from "./api.js";
import { askToken, startTheme, startTokens } from "./dialogs.js";
import { byId, clock, say } from "./dom.js";
import { Instance } from "./instance.js";
import { Jobs } from "./jobs.js";
import { Layout } from "./layout.js";
import { EventList, showLeases, showProcesses, showQueue, showUse, textOf } from "./panels.js";
import { PlanPanel } from "./plan.js";
import { showGpus } from "./strips.js";
import { Timeline } from "./timeline.js";

const TICK = 1000;
const SLOW = 10000;
const MINUTE = 60000;

const page = { me: null, sample: null, rows: [], chosen: "", live: false, trouble: "" };
const instance = new Instance((key) => {
  page.chosen = key;
  drawStrips();
});
const timeline = new Timeline();
const jobs = new Jobs();
const layout = new Layout();
const plan = new PlanPanel();
const eventList = new EventList();

function notice() {
  const withdrawn = page.sample?.withdrawn;
  const text = page.trouble || (withdrawn ? `There are no readings: ${withdrawn}` : "");
  byId("notice").hidden = text === "";
  say(byId("notice"), text);
  say(byId("state"), page.trouble ? "not connected" : page.live ? "live" : "reading");
  say(byId("at"), page.sample ? `, sample of ${clock(page.sample.timeMs)}` : "");  // apart: it is not to be read out each second
}

function failed(error) {
  if (error instanceof Refused && error.status === 401) {
    page.trouble = "This daemon wants a token over TCP.";
    if (!page.asked) {
      page.asked = true;
      askToken();
    }
  } else {
    page.trouble = textOf(error);
  }
  notice();
}

function drawStrips() {
  if (page.sample) {
    showGpus(byId("gpu-list"), page.sample, page.chosen.split(" ")[1], (gpu, generation) => instance.choose(`${gpu} ${generation}`));
  }
}

function showSample(sample) {
  page.sample = sample;
  byId("simulated").hidden = !sample.simulated;
  say(byId("host"), `${sample.hostname || "this machine"}: migd`);
  const mark = sample.simulated ? "SIMULATED " : "";
  document.title = `${mark}${sample.hostname || "migd"}`;
  instance.show(sample);
  drawStrips();
  timeline.show(sample);
  showProcesses(sample);
  showUse(sample, page.rows);
}

// One at a time; asked for again meanwhile, it is read once more.
function reader(read) {
  let busy = false;
  let again = false;
  return async function now() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      await read();
      page.trouble = "";
      notice();
    } catch (error) {
      failed(error);
    }
    busy = false;
    if (again) {
      again = false;
      now();
    }
  };
}

const readSample = reader(async () => showSample(await layout.complete(await get("v1/sample"))));
const readLeases = reader(async () => {
  const [leases, queue] = await Promise.all([get("v1/leases"), get("v1/queue")]);
  showLeases(leases, page.me, (error) => {
    if (error) {
      failed(error);
    }
    readLeases();
  });
  showQueue(queue);
});
const readMe = reader(async () => {
  page.me = await get("v1/me");
  say(byId("who"), `${page.me.user ?? `uid ${page.me.uid}`}, tenant ${page.me.tenant}, ${page.me.role}`);
  plan.use(page.me);
  readLeases();
});

async function readRows() {
  page.rows = await timeline.load();
}

const events = new Events({
  open() {
    page.live = true;
    notice();
  },
  lost(error) {
    page.live = false;
    failed(error);
  },
  event(event) {
    eventList.add(event);
    layout.forget();
    if (event.type === "layout" || event.type === "drift" || event.type === "reset") {
      readSample();
    }
    if (event.type === "lease" || event.type === "job" || event.type === "reset") {
      readLeases();
    }
    if (event.type === "job" || event.type === "reset") {
      jobs.load();
    }
  },
});

function readAll() {
  readMe();
  readSample();
  readRows();
  jobs.load();
  eventList.show();
  get("v1/health").then((health) => say(byId("version"), health.version)).catch(() => {});
  events.start();
}

function whileSeen(read, every) {
  setInterval(() => {
    if (!document.hidden) {
      read();
    }
  }, every);
}

startTheme();
startTokens(() => {
  page.me = null;
  page.trouble = "";
  readAll();
});
whileSeen(readSample, TICK);
whileSeen(readLeases, SLOW);
whileSeen(readRows, MINUTE);
document.addEventListener("visibilitychange", () => document.hidden || readSample());
readAll();
