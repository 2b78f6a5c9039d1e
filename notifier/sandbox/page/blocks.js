// Block Kit as DOM nodes: the blocks a message can hold, drawn as Slack draws them.

import { dateNode, emoji, h, link, mention, mrkdwn, plainText } from "/mrkdwn.js";

const textObject = (text, people) =>
  text?.type === "mrkdwn" ? mrkdwn(text.text, people) : plainText(text?.text ?? "");

function styled(node, style = {}) {
  const wrapping = { bold: "strong", italic: "em", strike: "s", underline: "u", code: "code" };
  return Object.keys(wrapping).reduce((inner, name) => (style[name] ? h(wrapping[name], {}, inner) : inner), node);
}

const lines = (text) => text.split("\n").flatMap((line, index) => (index ? [h("br"), line] : [line]));

const INLINE = {
  text: (element) => h("span", {}, lines(element.text)),
  link: (element) => link(element.url, element.text ? [element.text] : []),
  emoji: (element) => emoji(element.name),
  user: (element, people) => mention(`@${people[element.user_id] ?? element.user_id}`),
  usergroup: (element) => mention(`@${element.usergroup_id}`, true),
  channel: (element) => mention(`#${element.channel_id}`),
  broadcast: (element) => mention(`@${element.range}`, true),
  color: (element) => h("code", {}, element.value),
  date: (element) => dateNode(element.timestamp, element.format, element.fallback ?? "", element.url),
};

const richInline = (elements, people) =>
  elements.map((element) => {
    const draw = INLINE[element.type];
    return draw ? styled(draw(element, people), element.style) : `[${element.type}]`;
  });

const RICH = {
  rich_text_section: (part, people) => h("div", { class: "rich-section" }, richInline(part.elements, people)),
  rich_text_quote: (part, people) => h("blockquote", {}, richInline(part.elements, people)),
  rich_text_preformatted: (part, people) => h("pre", {}, richInline(part.elements, people)),
  rich_text_list: (part, people) => {
    const items = part.elements.map((item) => h("li", {}, richInline(item.elements, people)));
    const fields = { class: `rich-list indent-${Math.min(part.indent ?? 0, 5)}`, start: (part.offset ?? 0) + 1 };
    return h(part.style === "ordered" ? "ol" : "ul", fields, items);
  },
};

function button(element) {
  const fields = { class: `button ${element.style ?? ""}`, title: element.url };
  if (/^https?:/i.test(element.url ?? "")) {
    return h("a", { ...fields, href: element.url, target: "_blank", rel: "noopener noreferrer nofollow" },
      textObject(element.text));
  }
  return h("button", { ...fields, type: "button", title: "Interaction is not part of the sandbox" },
    textObject(element.text));
}

// No request leaves this machine, so a picture is shown as what it says of itself.
const picture = (element, kind) => h("span", { class: `picture ${kind}`, role: "img" }, element.alt_text ?? "picture");

const ELEMENTS = {
  button,
  image: (element) => picture(element, "small"),
};

const interactive = (element) =>
  (ELEMENTS[element.type] ?? ((other) => h("span", { class: "button" }, other.placeholder?.text ?? other.type)))(element);

const BLOCKS = {
  header: (block) => h("h3", { class: "block-header" }, textObject(block.text)),
  divider: () => h("hr", { class: "block-divider" }),
  section: (block, people) =>
    h("div", { class: "block-section" },
      h("div", { class: "section-body" },
        block.text ? h("div", { class: "section-text" }, textObject(block.text, people)) : null,
        block.fields
          ? h("div", { class: "fields" }, block.fields.map((field) => h("div", { class: "field" }, textObject(field, people))))
          : null),
      block.accessory ? h("div", { class: "accessory" }, interactive(block.accessory)) : null),
  context: (block, people) =>
    h("div", { class: "block-context" }, block.elements.map((element) =>
      element.type === "image" ? picture(element, "tiny") : h("span", { class: "context-item" }, textObject(element, people)))),
  actions: (block) => h("div", { class: "block-actions" }, block.elements.map(interactive)),
  image: (block) =>
    h("figure", { class: "block-image" }, block.title ? h("figcaption", {}, textObject(block.title)) : null, picture(block, "large")),
  rich_text: (block, people) =>
    h("div", { class: "block-rich" }, block.elements.map((part) =>
      RICH[part.type] ? RICH[part.type](part, people) : h("div", {}, `[${part.type}]`))),
};

/** The blocks of a message as nodes; a block that nothing here draws is named. */
export function blocks(list, people) {
  return list.map((block) => {
    const draw = BLOCKS[block.type];
    return draw ? draw(block, people) : h("div", { class: "block-unknown" }, `[${block.type} block]`);
  });
}
