// Elements, made one by one: whatever is text goes in as a text node, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Return an HTML element with attributes and children, which are nodes or texts. */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Return an SVG element. */
export function s(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** Return the element with that id. */
export function at(id) {
  return document.getElementById(id);
}

/** Set an element's text, where it is another one: what is selected or read out stays. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
