/** Shows the transcript, and tells screen readers of each finished piece once. */

import type { BotEntry, Entry, FileEntry, UserEntry } from "./transcript";

const NEAR_BOTTOM_PX = 80;
const KEPT_ANNOUNCEMENTS = 10;

export class TranscriptView {
  #list: HTMLOListElement;
  #announcer: HTMLElement;
  #items = new Map<number, HTMLLIElement>();
  #announced = new Map<number, string>();
  /** Whoever has scrolled up to read is left there. */
  #follows = true;
  #top = 0;

  constructor(list: HTMLOListElement, announcer: HTMLElement) {
    this.#list = list;
    this.#announcer = announcer;
    list.addEventListener("scroll", () => {
      // The event of an own scroll comes late, when there may be more text below already: only upwards is the person's.
      const upwards = list.scrollTop < this.#top;
      const atBottom = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_BOTTOM_PX;
      this.#follows = atBottom || (this.#follows && !upwards);
      this.#top = list.scrollTop;
    });
    // A keyboard that slides in, or a message of trouble above, must not cover the newest line.
    new ResizeObserver(() => this.#scroll()).observe(list);
  }

  show(entry: Entry): void {
    const item = this.#itemFor(entry);
    item.querySelector("p")?.replaceChildren(...content(entry));
    item.classList.toggle("interrupted", entry.who === "bot" && entry.interrupted);
    this.#announce(entry);
    this.#scroll();
  }

  #scroll(): void {
    if (this.#follows) this.#list.scrollTop = this.#list.scrollHeight;
  }

  #itemFor(entry: Entry): HTMLLIElement {
    const known = this.#items.get(entry.key);
    if (known) return known;
    const item = document.createElement("li");
    const [side, kind] = entry.who.split("-");
    item.className = `${side} ${kind ?? ""}`.trim();
    item.append(span("visually-hidden", `${speaker(entry)}: `), document.createElement("p"));
    this.#items.set(entry.key, item);
    this.#list.append(item);
    return item;
  }

  #announce(entry: Entry): void {
    const whole = "segments" in entry ? entry.segments.map(({ text }) => text).join(" ") : entry.text;
    const before = this.#announced.get(entry.key) ?? "";
    if (whole.length <= before.length) return;
    this.#announced.set(entry.key, whole);
    const line = document.createElement("p");
    line.textContent = `${speaker(entry)}: ${whole.slice(before.length).trim()}`;
    this.#announcer.append(line);
    while (this.#announcer.childElementCount > KEPT_ANNOUNCEMENTS) this.#announcer.firstElementChild?.remove();
  }
}

const speaker = ({ who }: Entry): string => (who.startsWith("user") ? "You" : "Assistant");

function content(entry: Entry): Node[] {
  if ("segments" in entry) return botText(entry);
  return "interim" in entry ? userText(entry) : file(entry);
}

function file({ text, picture }: FileEntry): Node[] {
  if (!picture) return [span("name", text)];
  const image = document.createElement("img");
  image.src = picture;
  image.alt = text;
  return [image, span("caption", text)];
}

function userText(entry: UserEntry): Node[] {
  const gap = entry.text && entry.interim ? " " : "";
  return [span("final", entry.text + gap), span("interim", entry.interim)];
}

function botText(entry: BotEntry): Node[] {
  return entry.segments.flatMap((segment, index) => [
    span("said", (index > 0 ? " " : "") + segment.text.slice(0, segment.said)),
    span("unsaid", segment.text.slice(segment.said)),
  ]);
}

function span(className: string, text: string): HTMLSpanElement {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}
