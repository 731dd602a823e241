import { tell } from './status.ts';

/** Buttons that take a text along. */
export function copyOnClick(): void {
  document.addEventListener('click', ({ target }) => {
    const button = (target as Element).closest<HTMLElement>('[data-copy]');
    if (button) void copy(button);
  });
}

async function copy(button: HTMLElement): Promise<void> {
  const text = button.dataset.copy ?? '';
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Not there where the page came by plain HTTP from another host: mark the text, and copy what is marked.
    const selection = getSelection();
    if (!selection || !button.previousElementSibling) return;
    selection.selectAllChildren(button.previousElementSibling);
    document.execCommand('copy');
  }
  tell(`Copied ${text}`);
}
