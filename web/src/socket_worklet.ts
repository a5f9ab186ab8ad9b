/**
 * The two ends of sound over a WebSocket, on the audio thread: a microphone that comes out as PCM, and PCM that is played.
 * A file of its own, since the browser loads it by itself; `socket_media.ts` is the other side.
 */

// TypeScript's DOM library leaves the audio thread's global scope out.
declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
  abstract process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean;
}
declare function registerProcessor(name: string, constructor: new () => AudioWorkletProcessor): void;
declare const sampleRate: number;

const PIECE_SAMPLES = Math.round(sampleRate * 0.02);

/** Posts 20 ms of mono PCM16 at a time, as an ArrayBuffer. */
class Recorder extends AudioWorkletProcessor {
  #piece = new Int16Array(PIECE_SAMPLES);
  #filled = 0;

  process([input]: Float32Array[][]): boolean {
    for (const sample of input?.[0] ?? []) {
      this.#piece[this.#filled++] = Math.max(-1, Math.min(1, sample)) * 0x7fff;
      if (this.#filled === PIECE_SAMPLES) {
        this.port.postMessage(this.#piece.buffer, [this.#piece.buffer]);
        // What was posted has no length any more: its memory belongs to the other thread.
        this.#piece = new Int16Array(PIECE_SAMPLES);
        this.#filled = 0;
      }
    }
    return true;
  }
}

/** Plays the PCM16 that it is posted, one piece after the other, and silence where there is none. */
class Player extends AudioWorkletProcessor {
  #pieces: Int16Array[] = [];
  #played = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<Int16Array>) => this.#pieces.push(data);
  }

  process(_inputs: Float32Array[][], [output]: Float32Array[][]): boolean {
    const samples = output?.[0] ?? new Float32Array();
    for (let i = 0; i < samples.length; i++) {
      const piece = this.#pieces[0];
      if (!piece) break;
      samples[i] = (piece[this.#played++] ?? 0) / 0x8000;
      if (this.#played >= piece.length) {
        this.#pieces.shift();
        this.#played = 0;
      }
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
registerProcessor("player", Player);
