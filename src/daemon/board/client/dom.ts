import type { Html } from '../../routes/html.ts';

/** The element with this id, which every page of this kind has. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no ${id} in the page`);
  return found;
}

/** The elements that the markup stands for. All that is filled into markup was escaped. */
export function elements(markup: Html | string): Element[] {
  const template = document.createElement('template');
  template.innerHTML = String(markup);
  return [...template.content.children];
}

/** Gives an element the content, unless it has it: what stays is not touched, so that nothing flickers and no focus is lost. */
export function fill(element: Element, markup: Html): void {
  const template = document.createElement('template');
  template.innerHTML = String(markup);
  syncChildren(element, template.content);
}

/** Makes an element like a fresh one of the same kind, by changing no more of it than is different. */
export function patch(old: Element, fresh: Element): void {
  if (old.isEqualNode(fresh)) return;
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  syncChildren(old, fresh);
}

function syncChildren(old: Element, fresh: ParentNode & Node): void {
  const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
  for (const [i, node] of after.entries()) {
    const there = before[i];
    if (!there) old.append(node);
    else if (there.isEqualNode(node)) continue;
    else if (there instanceof Element && node instanceof Element && there.tagName === node.tagName) patch(there, node);
    else there.replaceWith(node);
  }
  for (const node of before.slice(after.length)) node.remove();
}
