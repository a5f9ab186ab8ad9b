/** Server-messages that were too large for one message come in chunks; this puts them together. No effects. */

interface Chunk {
  readonly type: "chunk";
  readonly id: string;
  readonly index: number;
  readonly count: number;
  readonly text: string;
}

/** What may wait for its other chunks. */
const MOST_OPEN = 8;

export class Chunks {
  #open = new Map<string, Map<number, string>>();

  /** The data of a server-message: as it is, whole with its last chunk, and undefined before that. */
  whole(data: unknown): unknown {
    if (!isChunk(data)) return data;
    const texts = this.#open.get(data.id) ?? new Map<number, string>();
    this.#open.set(data.id, texts.set(data.index, data.text));
    if (texts.size < data.count) {
      const [oldest] = this.#open.keys();
      if (this.#open.size > MOST_OPEN && oldest !== undefined) this.#open.delete(oldest);
      return undefined;
    }
    this.#open.delete(data.id);
    return JSON.parse(Array.from({ length: data.count }, (_, index) => texts.get(index) ?? "").join(""));
  }
}

function isChunk(data: unknown): data is Chunk {
  return typeof data === "object" && data !== null && (data as { type?: unknown }).type === "chunk";
}
