/** What the person has chosen on this page, kept on this device. */

/** "" if nothing was chosen. */
export function remembered(name: string): string {
  try {
    return localStorage.getItem(name) ?? "";
  } catch {
    return "";
  }
}

export function remember(name: string, choice: string): void {
  try {
    localStorage.setItem(name, choice);
  } catch {
    // A private window may forbid storage; the choice then holds for this page.
  }
}
