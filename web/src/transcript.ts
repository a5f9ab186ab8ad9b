/** What was said by both sides: the text, and how much of the assistant's has been heard. No DOM in here. */

import type { BotOutputData } from "@pipecat-ai/client-js";

export interface Segment {
  readonly id: number | undefined;
  readonly text: string;
  /** Characters of `text` that were spoken aloud; all of them where nothing will be. */
  readonly said: number;
}

export interface UserEntry {
  readonly who: "user";
  readonly key: number;
  readonly text: string;
  /** Heard, but not yet sure. */
  readonly interim: string;
}

export interface BotEntry {
  readonly who: "bot";
  readonly key: number;
  readonly segments: readonly Segment[];
  /** The person spoke into it; what was not said by then will not be. */
  readonly interrupted: boolean;
}

/** A picture, or another file by its name. */
export interface FileEntry {
  readonly who: "user-file" | "bot-file";
  readonly key: number;
  readonly text: string;
  /** The picture's address; undefined for a file that is none. */
  readonly picture: string | undefined;
}

export type Entry = UserEntry | BotEntry | FileEntry;

export class Transcript {
  #entries: Entry[] = [];
  #onChange: (entry: Entry) => void;

  constructor(onChange: (entry: Entry) => void) {
    this.#onChange = onChange;
  }

  /** An interim text holds all that was heard since the last final one, so it replaces the interim before it. */
  userSpoke(text: string, final: boolean): void {
    const entry = this.#openUserEntry();
    if (final) this.#put({ ...entry, text: join(entry.text, text.trim()), interim: "" });
    else this.#put({ ...entry, interim: text.trim() });
  }

  userTyped(text: string): void {
    this.#put({ who: "user", key: this.#entries.length, text, interim: "" });
  }

  showFile(who: FileEntry["who"], text: string, picture: string | undefined): void {
    this.#put({ who, key: this.#entries.length, text, picture });
  }

  /** Segments are announced with "new" and then only move forward, in `bot-output` of protocol 2. */
  botOutput(data: BotOutputData): void {
    const { segment_id: id, text } = data;
    const said = saidLength(data);
    const entry = id === undefined ? undefined : this.#entries.findLast((e): e is BotEntry => e.who === "bot" && has(e, id));
    if (entry) {
      const segments = entry.segments.map((s) => (s.id === id ? { ...s, said: Math.max(s.said, said) } : s));
      this.#put({ ...entry, segments, interrupted: entry.interrupted && data.spoken_status === "new" });
      return;
    }
    // Protocol 1 repeats a sentence as spoken, word by word; this page never asks for it, but a foreign server may.
    if (data.spoken_status === undefined && data.spoken) return;
    const last = this.#entries.at(-1);
    const open: BotEntry =
      last?.who === "bot" ? last : { who: "bot", key: this.#entries.length, segments: [], interrupted: false };
    this.#put({ ...open, segments: [...open.segments, { id, text, said }] });
  }

  interrupted(): void {
    const entry = this.#entries.findLast((e) => e.who === "bot");
    if (entry?.who === "bot" && entry.segments.some((s) => s.said < s.text.length)) this.#put({ ...entry, interrupted: true });
  }

  /** The entry that goes on: the last one, or an earlier one whose final text the assistant's answer has overtaken. */
  #openUserEntry(): UserEntry {
    const last = this.#entries.at(-1);
    if (last?.who === "user") return last;
    const overtaken = this.#entries.findLast((e) => e.who === "user");
    if (overtaken?.who === "user" && overtaken.interim) return overtaken;
    return { who: "user", key: this.#entries.length, text: "", interim: "" };
  }

  #put(entry: Entry): void {
    this.#entries[entry.key] = entry;
    this.#onChange(entry);
  }
}

const has = (entry: BotEntry, id: number): boolean => entry.segments.some((segment) => segment.id === id);

function saidLength(data: BotOutputData): number {
  if (data.will_be_spoken === false || data.spoken_status === "completed" || data.spoken_status === undefined) {
    return data.text.length;
  }
  return data.spoken_progress?.accumulated_text.length ?? 0;
}

/** Segments come without the space between them, but some servers leave it on. */
export function join(before: string, after: string): string {
  return before && after && !/\s$/.test(before) && !/^\s/.test(after) ? `${before} ${after}` : before + after;
}
