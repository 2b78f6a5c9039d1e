// Slack's mrkdwn as DOM nodes. Text reaches the page through text nodes only.

const SAFE_LINK = /^(https?:|mailto:)/i;
const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const EMOJI = {
  alarm_clock: "⏰", bell: "🔔", no_bell: "🔕", white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌",
  warning: "⚠️", rotating_light: "🚨", hourglass: "⌛", hourglass_flowing_sand: "⏳", pencil: "📝",
  pencil2: "✏️", memo: "📝", lower_left_fountain_pen: "🖋️", writing_hand: "✍️", link: "🔗", tada: "🎉",
  wave: "👋", eyes: "👀", robot_face: "🤖", test_tube: "🧪", information_source: "ℹ️", mag: "🔍",
  no_entry: "⛔", no_entry_sign: "🚫", octagonal_sign: "🛑", question: "❓", exclamation: "❗",
  large_green_circle: "🟢", large_yellow_circle: "🟡", large_orange_circle: "🟠", red_circle: "🔴",
  large_blue_circle: "🔵", white_circle: "⚪", black_circle: "⚫", calendar: "📅", clock3: "🕒",
  arrow_right: "➡️", arrows_counterclockwise: "🔄", repeat: "🔁", mailbox: "📫", inbox_tray: "📥",
  outbox_tray: "📤", key: "🔑", lock: "🔒", speech_balloon: "💬", credit_card: "💳", "+1": "👍",
  "-1": "👎", rocket: "🚀", fire: "🔥", construction: "🚧", wastebasket: "🗑️", heavy_plus_sign: "➕",
};

/** Build an element; children are nodes or strings, which become text nodes. */
export function h(tag, fields = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export const decode = (text) => text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);

/** A link that opens outside; an address that is not http, https or mailto is plain text. */
export function link(url, children, extra = "") {
  const shown = children.length ? children : [url];
  if (!SAFE_LINK.test(url.trim())) return h("span", { class: "dead-link", title: "not a link" }, shown);
  const fields = { class: extra, href: url, title: url, target: "_blank", rel: "noopener noreferrer nofollow" };
  return h("a", fields, shown);
}

export function emoji(name) {
  const sign = EMOJI[name.split("::")[0]];
  const fields = { class: "emoji", role: "img", "aria-label": name, title: `:${name}:` };
  return sign ? h("span", fields, sign) : document.createTextNode(`:${name}:`);
}

export const mention = (text, isLoud) => h("span", { class: isLoud ? "mention loud" : "mention" }, text);

const ORDINALS = { one: "st", two: "nd", few: "rd", other: "th" };

/** Slack's date format, as in {date_short_pretty} or {time}, in the reader's own time zone. */
export function formatDate(seconds, format) {
  const at = new Date(seconds * 1000);
  const part = (options) => new Intl.DateTimeFormat(navigator.language, options).format(at);
  const english = (options) => new Intl.DateTimeFormat("en-US", options).format(at);
  const day = `${at.getDate()}${ORDINALS[new Intl.PluralRules("en", { type: "ordinal" }).select(at.getDate())]}`;
  const year = at.getFullYear();
  const dates = {
    date_num: `${year}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`,
    date: `${english({ month: "long" })} ${day}, ${year}`,
    date_short: english({ month: "short", day: "numeric", year: "numeric" }),
    date_long: `${english({ weekday: "long" })}, ${english({ month: "long" })} ${day}, ${year}`,
    time: part({ hour: "numeric", minute: "2-digit" }),
    time_secs: part({ hour: "numeric", minute: "2-digit", second: "2-digit" }),
    ago: ago(seconds),
  };
  const near = nearDay(at);
  return format.replace(/\{(\w+)\}/g, (whole, name) => {
    if (name === "day_divider_pretty") return near || dates.date_long;
    if (name.endsWith("_pretty")) return near ? near.toLowerCase() : dates[name.replace("_pretty", "")] ?? whole;
    return dates[name] ?? whole;
  });
}

function ago(seconds) {
  const away = seconds - Date.now() / 1000;
  const [unit, size] = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]].find(
    ([, length]) => Math.abs(away) >= length) ?? ["second", 1];
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(Math.round(away / size), unit);
}

/** "Today", "Yesterday", "Tomorrow", or nothing. */
export function nearDay(at) {
  const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  const days = Math.round((midnight(at) - midnight(new Date())) / 86400000);
  return { "-1": "Yesterday", 0: "Today", 1: "Tomorrow" }[days];
}

export function dateNode(seconds, format, fallback, url) {
  const text = Number.isFinite(seconds) ? formatDate(seconds, format) : fallback;
  if (url) return link(url, [text]);
  return h("time", { class: "date", title: new Date(seconds * 1000).toString() }, text);
}

/** What stands between < and >: a link, a mention, a date; null for anything else. */
function special(inside, people) {
  const [target, ...rest] = inside.split("|");
  const label = rest.join("|");
  if (target.startsWith("!date^")) {
    const [, seconds, format, url] = target.split("^");
    return dateNode(Number(seconds), decode(format ?? ""), decode(label), url && decode(url));
  }
  if (target.startsWith("!subteam^")) return mention(label ? decode(label) : `@${target.slice(9)}`, true);
  if (/^!(here|channel|everyone)$/.test(target)) return mention(`@${target.slice(1)}`, true);
  if (/^@[UW]/.test(target)) return mention(`@${people[target.slice(1)] ?? (decode(label) || target.slice(1))}`);
  if (/^#C/.test(target)) return mention(`#${decode(label) || target.slice(1)}`);
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return link(decode(target), label ? [decode(label)] : []);
  return null;
}

const MARKS = { "*": "strong", _: "em", "~": "s" };
const isWord = (sign) => sign !== undefined && /[\p{L}\p{N}]/u.test(sign);

/** Where the mark that opens at `start` closes, or -1: words must touch it from inside only. */
function closing(text, start) {
  const mark = text[start];
  if (isWord(text[start - 1]) || !text[start + 1] || /[\s*_~]/.test(text[start + 1])) return -1;
  for (let end = text.indexOf(mark, start + 2); end !== -1; end = text.indexOf(mark, end + 1)) {
    const between = text.slice(start + 1, end);
    if (between.includes("\n")) return -1;
    if (!/\s/.test(text[end - 1]) && !isWord(text[end + 1])) return end;
  }
  return -1;
}

function inline(text, people) {
  const nodes = [];
  let plain = "";
  const flush = () => {
    decode(plain).split("\n").forEach((line, index) => {
      if (index) nodes.push(h("br"));
      if (line) nodes.push(document.createTextNode(line));
    });
    plain = "";
  };
  const take = (node) => { flush(); nodes.push(node); };
  for (let at = 0; at < text.length; at += 1) {
    const rest = text.slice(at, at + 4000);
    const angle = /^<([^<>\n]+)>/.exec(rest);
    const code = /^`([^`\n]+)`/.exec(rest);
    const name = /^:([a-z0-9_+-]+(?:::[a-z0-9-]+)?):/.exec(rest);
    const bare = isWord(text[at - 1]) ? null : /^https?:\/\/[^\s<>|]+[^\s<>|.,;:!?)'"]/.exec(rest);
    const node = angle && special(angle[1], people);
    if (node) { take(node); at += angle[0].length - 1; continue; }
    if (code) { take(h("code", {}, decode(code[1]))); at += code[0].length - 1; continue; }
    if (bare) { take(link(decode(bare[0]), [])); at += bare[0].length - 1; continue; }
    if (name && EMOJI[name[1].split("::")[0]]) { take(emoji(name[1])); at += name[0].length - 1; continue; }
    const end = MARKS[text[at]] ? closing(text, at) : -1;
    if (end !== -1) { take(h(MARKS[text[at]], {}, inline(text.slice(at + 1, end), people))); at = end; continue; }
    plain += text[at];
  }
  flush();
  return nodes;
}

function paragraphs(text, people) {
  const nodes = [];
  const lines = text.split("\n");
  const quoted = (line) => /^(?:&gt;|>)/.test(line);
  while (lines.length) {
    const isQuote = quoted(lines[0]);
    const end = lines.findIndex((line) => quoted(line) !== isQuote);
    const run = lines.splice(0, end === -1 ? lines.length : end);
    if (isQuote) nodes.push(h("blockquote", {}, inline(run.map((line) => line.replace(/^(?:&gt;|>) ?/, "")).join("\n"), people)));
    else nodes.push(...inline(run.join("\n"), people));
  }
  return nodes;
}

/** mrkdwn text as nodes. `people` maps user ids to names. */
export function mrkdwn(text, people = {}) {
  return text.split(/\n?```([\s\S]+?)```\n?/).flatMap((piece, index) => {
    if (index % 2) return [h("pre", {}, decode(piece.replace(/^\n|\n$/g, "")))];
    return piece ? paragraphs(piece, people) : [];
  });
}

/** plain_text as nodes: emoji are drawn, everything else stands as it is. */
export function plainText(text) {
  return text.split(/:([a-z0-9_+-]+(?:::[a-z0-9-]+)?):/).map((piece, index) => (index % 2 ? emoji(piece) : piece));
}
