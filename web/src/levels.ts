/** How loud each side is, for the eye. */

const FLOOR_DB = -55;
const CEILING_DB = -15;
const FALL_PER_FRAME = 0.08;

/** 0 for silence, 1 for loud speech. `samples` are in -1..1. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const db = 10 * Math.log10(sum / samples.length + 1e-10);
  return Math.min(1, Math.max(0, (db - FLOOR_DB) / (CEILING_DB - FLOOR_DB)));
}

export class LevelMeter {
  #context: AudioContext | undefined;
  #source: MediaStreamAudioSourceNode | undefined;
  #analyser: AnalyserNode | undefined;
  #samples = new Float32Array(512);
  #level = 0;

  /** Measures this track from now on; undefined for none. Browsers want a person's click before the first call. */
  attach(track: MediaStreamTrack | undefined): void {
    this.#source?.disconnect();
    this.#source = undefined;
    if (!track) {
      this.#level = 0;
      return;
    }
    this.#context ??= new AudioContext();
    void this.#context.resume();
    if (!this.#analyser) {
      this.#analyser = this.#context.createAnalyser();
      this.#analyser.fftSize = this.#samples.length;
    }
    try {
      this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
      this.#source.connect(this.#analyser);
    } catch {
      // Some browsers refuse a device whose sample rate is not the loudspeaker's: a picture without movement then.
      this.#source = undefined;
    }
  }

  /** The level now: it rises at once and falls slowly, so that syllables don't flicker. Call once per animation frame. */
  read(): number {
    if (!this.#source || !this.#analyser) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    this.#level = Math.max(loudness(this.#samples), this.#level - FALL_PER_FRAME);
    return this.#level;
  }
}
