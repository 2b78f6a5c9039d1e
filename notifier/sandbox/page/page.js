// The workspace: channels beside, messages in the middle, a thread on demand.

import { blocks } from "/blocks.js";
import { emoji, formatDate, h, mrkdwn, nearDay } from "/mrkdwn.js";

const $ = (id) => document.getElementById(id);
const COLOURS = 6;
const GROUPED_SECONDS = 300;

const page = {
  state: { team: { name: "" }, bots: [], channels: [] },
  channelId: null,
  threadTs: null,
  readTs: new Map(),
  people: {},
  bots: new Map(),
  goTo: null,
};

const channel = () => page.state.channels.find((one) => one.id === page.channelId);
const isInChannel = (message) => !message.thread_ts || message.thread_ts === message.ts || message.subtype === "thread_broadcast";
const newestTs = (one) => one.messages.at(-1)?.ts ?? "0";
const secondsOf = (message) => Number(message.ts);
const clock = (seconds) => formatDate(seconds, "{time}");
const plural = (count, word, words) => `${count} ${count === 1 ? word : words}`;

// Sidebar

function channelSign(one) {
  return h("span", { class: one.is_private ? "sign private" : "sign", "aria-hidden": "true" }, one.is_private ? "" : "#");
}

function drawSidebar() {
  $("workspace-name").textContent = page.state.team.name;
  $("channels").replaceChildren(...page.state.channels.map((one) => {
    const read = page.readTs.get(one.id) ?? "0";
    const unread = one.messages.filter((message) => isInChannel(message) && message.ts > read).length;
    const isOpen = one.id === page.channelId;
    const fields = {
      type: "button",
      class: `channel-link${isOpen ? " open" : ""}${unread && !isOpen ? " unread" : ""}`,
      "aria-current": isOpen ? "page" : null,
      onclick: () => openChannel(one.id),
    };
    return h("li", {}, h("button", fields, channelSign(one), h("span", { class: "channel-label" }, one.name),
      unread && !isOpen ? h("span", { class: "badge", "aria-label": `${unread} unread` }, unread > 99 ? "99+" : String(unread)) : null));
  }));
  $("apps").replaceChildren(...page.state.bots.map((bot) =>
    h("li", { class: "app" }, avatar(bot.bot_id, "tiny"), h("span", { class: "channel-label" }, bot.name))));
}

// Messages

function avatar(botId, size = "") {
  const bot = page.bots.get(botId);
  const colour = [...botId].reduce((sum, sign) => (sum * 31 + sign.charCodeAt(0)) % 997, 7) % COLOURS;
  const icon = /^:([\w+-]+):$/.exec(bot?.icon ?? "");
  return h("span", { class: `avatar colour-${colour} ${size}`, "aria-hidden": "true" },
    icon ? emoji(icon[1]) : (bot?.name ?? "?").trim().slice(0, 1).toUpperCase());
}

function body(message) {
  const content = message.blocks?.length ? blocks(message.blocks, page.people) : mrkdwn(message.text, page.people);
  const edited = message.edited
    ? h("span", { class: "edited", title: `Edited ${formatDate(Number(message.edited.ts), "{date_short_pretty} at {time_secs}")}` }, "(edited)")
    : null;
  return h("div", { class: "body" }, content, edited);
}

function threadBar(message) {
  if (!message.reply_count) return null;
  const last = formatDate(Number(message.latest_reply), "{date_short_pretty} at {time}");
  const fields = { type: "button", class: "thread-bar", onclick: () => openThread(message.ts) };
  return h("button", fields, avatar(message.bot_id, "tiny"),
    h("span", { class: "thread-count" }, plural(message.reply_count, "reply", "replies")),
    h("span", { class: "thread-last" }, `Last reply ${last}`),
    h("span", { class: "thread-view" }, "View thread"));
}

/** The first words of a message, as one line. */
function summary(message) {
  const parts = message.blocks?.length ? blocks(message.blocks, page.people) : mrkdwn(message.text, page.people);
  return parts.map((part) => part.textContent.trim()).filter(Boolean).join(" · ").replace(/\s+/g, " ").slice(0, 120);
}

function broadcastNote(message, inThread) {
  if (message.subtype !== "thread_broadcast") return null;
  if (inThread) return h("div", { class: "note" }, "Also sent to the channel");
  const root = channel().messages.find((one) => one.ts === message.thread_ts);
  return h("div", { class: "note" }, h("span", {}, "replied to a thread:"),
    h("button", { type: "button", class: "note-link", onclick: () => openThread(message.thread_ts) }, root ? summary(root) : "Thread"));
}

function rawToggle(message) {
  const toggle = (event) => {
    const item = event.currentTarget.closest(".message");
    const shown = item.querySelector(".raw");
    if (shown) shown.remove();
    else item.querySelector(".content").append(h("pre", { class: "raw" }, JSON.stringify(message, null, 2)));
  };
  return h("button", { type: "button", class: "raw-toggle", title: "Show the message as data", onclick: toggle }, "{ }");
}

function messageNode(message, previous, inThread) {
  const bot = page.bots.get(message.bot_id);
  const seconds = secondsOf(message);
  const isAlone = (one) => one.blocks?.length || one.reply_count || one.subtype === "thread_broadcast";
  const isGrouped = previous && !isAlone(message) && !isAlone(previous) && previous.bot_id === message.bot_id &&
    seconds - secondsOf(previous) < GROUPED_SECONDS;
  const stamp = h("time", { class: "stamp", title: formatDate(seconds, "{date_long} at {time_secs}") }, clock(seconds));
  const head = h("div", { class: "head" }, h("span", { class: "author" }, bot?.name ?? message.bot_id),
    h("span", { class: "app-badge" }, "APP"), stamp);
  return h("li", { class: `message${isGrouped ? " grouped" : ""}`, "data-ts": message.ts },
    isGrouped ? h("span", { class: "gutter" }, stamp) : avatar(message.bot_id),
    h("div", { class: "content" }, isGrouped ? null : head, broadcastNote(message, inThread), body(message),
      inThread ? null : threadBar(message)),
    h("div", { class: "tools" }, rawToggle(message)));
}

function dayDivider(seconds) {
  const at = new Date(seconds * 1000);
  const day = nearDay(at) ?? formatDate(seconds, "{date_long}").replace(/, \d{4}$/, "");
  return h("li", { class: "divider", "data-day": at.toDateString() }, h("span", {}, day));
}

function beginning(one) {
  const hidden = one.hidden_messages ? `${plural(one.hidden_messages, "older message is", "older messages are")} not shown.` : "";
  return h("li", { class: "beginning" },
    h("div", { class: "beginning-name" }, channelSign(one), one.name),
    h("p", {}, hidden || (one.messages.length ? "This is the very beginning of the channel." : "Nothing has been posted here yet.")));
}

// Nodes of messages that did not change stay where they are, so that the page stands still.

const drawn = new WeakMap();

function reconcile(list, items) {
  const kept = new Map([...list.children].map((node) => [drawn.get(node)?.key, node]));
  const isFirst = !list.children.length;
  const nodes = items.map(({ key, sign, make }) => {
    const old = kept.get(key);
    if (old && drawn.get(old).sign === sign) return old;
    const node = make();
    drawn.set(node, { key, sign });
    if (!isFirst && node.classList.contains("message")) node.classList.add(old ? "changed" : "fresh");
    return node;
  });
  const wanted = new Set(nodes);
  [...list.children].filter((node) => !wanted.has(node)).forEach((node) => node.remove());
  nodes.forEach((node, index) => {
    const standing = list.children[index] ?? null;
    if (standing !== node) list.insertBefore(node, standing);
  });
}

function items(messages, inThread) {
  let day = "";
  let previous = null;
  return messages.flatMap((message) => {
    const before = previous;
    previous = message;
    const made = [{
      key: message.ts,
      sign: JSON.stringify([message, before?.ts, page.bots.get(message.bot_id)]),
      make: () => messageNode(message, before, inThread),
    }];
    const date = new Date(secondsOf(message) * 1000).toDateString();
    if (date !== day && !inThread) {
      day = date;
      made.unshift({ key: date, sign: nearDay(new Date(date)) ?? date, make: () => dayDivider(secondsOf(message)) });
    }
    return made;
  });
}

const isAtEnd = (scroll) => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 120;

function keepingPlace(scroll, draw) {
  const wasAtEnd = isAtEnd(scroll);
  draw();
  if (wasAtEnd) scroll.scrollTop = scroll.scrollHeight;
  return wasAtEnd;
}

function drawChannel() {
  const one = channel();
  if (!one) return;
  $("channel-name").replaceChildren(channelSign(one), one.name);
  $("channel-topic").textContent = one.topic;
  const tag = one.is_archived ? "archived" : one.is_ext_shared ? "shared with others" : "";
  $("channel-tag").textContent = tag;
  $("channel-tag").hidden = !tag;
  document.title = `${one.name} · ${page.state.team.name}`;
  const shown = one.messages.filter(isInChannel);
  const before = $("messages").querySelectorAll(".message").length;
  const wasAtEnd = keepingPlace($("scroll"), () => reconcile($("messages"), [
    { key: one.id, sign: JSON.stringify([one.name, one.messages.length > 0, one.hidden_messages]), make: () => beginning(one) },
    ...items(shown, false),
  ]));
  if (!wasAtEnd && shown.length > before && before) $("newer").hidden = false;
  page.readTs.set(one.id, newestTs(one));
}

function drawThread() {
  const one = channel();
  const root = one?.messages.find((message) => message.ts === page.threadTs);
  $("thread").hidden = !root;
  document.body.classList.toggle("with-thread", Boolean(root));
  if (!root) return;
  $("thread-channel").textContent = `#${one.name}`;
  const replies = one.messages.filter((message) => message.thread_ts === root.ts && message.ts !== root.ts);
  const [first, ...rest] = items([root, ...replies], true);
  const count = plural(replies.length, "reply", "replies");
  const divider = { key: "count", sign: count, make: () => h("li", { class: "reply-count" }, h("span", {}, count)) };
  keepingPlace($("thread-scroll"), () => reconcile($("thread-messages"), replies.length ? [first, divider, ...rest] : [first]));
}

function draw() {
  drawChannel();
  drawThread();
  drawSidebar();
}

// Going places

function openChannel(id) {
  if (page.channelId !== id) {
    page.channelId = id;
    page.threadTs = null;
    $("messages").replaceChildren();
    $("newer").hidden = true;
    draw();
    $("scroll").scrollTop = $("scroll").scrollHeight;
  }
  document.body.classList.remove("with-sidebar");
}

function openThread(ts) {
  if (page.threadTs !== ts) $("thread-messages").replaceChildren();
  page.threadTs = ts;
  drawThread();
  $("thread-scroll").scrollTop = 0;
}

function closeThread() {
  page.threadTs = null;
  drawThread();
}

/** A permalink is /archives/C…/p1234567890123456, perhaps with ?thread_ts=…. */
function placeFromAddress() {
  const found = /^\/archives\/([^/]+)\/p(\d+)(\d{6})$/.exec(location.pathname);
  if (!found) return null;
  const threadTs = new URLSearchParams(location.search).get("thread_ts");
  return { channelId: found[1], ts: `${found[2]}.${found[3]}`, threadTs };
}

function goToPlace({ channelId, ts, threadTs }) {
  openChannel(channelId);
  if (threadTs) openThread(threadTs);
  for (const item of document.querySelectorAll(".message")) {
    if (item.dataset.ts !== ts) continue;
    item.scrollIntoView({ block: "center" });
    item.classList.add("fresh");
  }
}

// Staying up to date

async function refresh() {
  const answer = await fetch("/state.json", { cache: "no-store" });
  page.state = await answer.json();
  page.bots = new Map(page.state.bots.map((bot) => [bot.bot_id, bot]));
  page.people = Object.fromEntries(page.state.bots.map((bot) => [bot.user_id, bot.name]));
  if (page.goTo && page.state.channels.some((one) => one.id === page.goTo.channelId)) {
    const place = page.goTo;
    page.goTo = null;
    goToPlace(place);
  }
  if (!channel() && page.state.channels.length) openChannel(page.state.channels[0].id);
  else draw();
}

function follow() {
  let isReading = false;
  let isBehind = false;
  const read = async () => {
    isBehind = true;
    if (isReading) return;
    isReading = true;
    while (isBehind) {
      isBehind = false;
      await refresh().catch(() => {});
    }
    isReading = false;
  };
  const say = (text, isLive) => {
    $("connection").textContent = text;
    $("connection").classList.toggle("live", isLive);
  };
  const changes = new EventSource("/changes");
  changes.addEventListener("open", () => say("live", true));
  changes.addEventListener("message", read);
  changes.addEventListener("error", () => say("stopped", false));
}

$("thread-close").addEventListener("click", closeThread);
$("menu").addEventListener("click", () => document.body.classList.toggle("with-sidebar"));
document.querySelector("main").addEventListener("click", (event) => {
  if (!event.target.closest("#menu")) document.body.classList.remove("with-sidebar");
});
$("newer").addEventListener("click", () => { $("scroll").scrollTop = $("scroll").scrollHeight; });
$("scroll").addEventListener("scroll", () => { if (isAtEnd($("scroll"))) $("newer").hidden = true; });
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  document.body.classList.remove("with-sidebar");
  closeThread();
});
page.goTo = placeFromAddress();
const query = new URLSearchParams(location.search);
if (query.get("thread") && query.get("channel")) {
  page.goTo = { channelId: query.get("channel"), ts: query.get("thread"), threadTs: query.get("thread") };
}
follow();
