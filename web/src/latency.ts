/** How long the last answer took, and what the time went into. */

import type { PipecatMetricsData } from "@pipecat-ai/client-js";

/**
 * The appliance's own account of a turn: `processing` metrics named "turn.…", whose sum is the time from the last sound
 * of the person to the first of the answer. Only it knows when speech ended: it starts to answer before it says that the turn is over.
 */
const TURN_PARTS: Readonly<Record<string, string>> = {
  "turn.jitter_buffer": "pause",
  "turn.vad": "pause",
  "turn.silence": "pause",
  "turn.turn_decision": "pause",
  "turn.stt_wait": "hearing",
  "turn.stt_encode": "hearing",
  "turn.stt_decode": "hearing",
  "turn.prefill": "thinking",
  "turn.first_token": "thinking",
  "turn.first_clause": "thinking",
  "turn.tts_wait": "voice",
  "turn.tts_phonemes": "voice",
  "turn.tts_encode": "voice",
  "turn.tts_decode": "voice",
  "turn.queue": "voice",
  "turn.packet": "voice",
};

/** What other RTVI servers say: the time to first output by processor. */
const PROCESSORS = [
  { label: "hearing", pattern: /stt|whisper/i },
  { label: "thinking", pattern: /llm|llama/i },
  { label: "voice", pattern: /tts|piper/i },
];

const LABELS = ["pause", "hearing", "thinking", "voice"];

export interface LatencyText {
  readonly total: string;
  readonly parts: string;
}

export class Latency {
  #endOfTurnMs: number | undefined;
  #measuredS: number | undefined;
  #turnParts = new Map<string, number>();
  #ttfb = new Map<string, number>();

  /** The person has finished, by voice or by sending text. `nowMs` is from `performance.now()`. */
  turnEnded(nowMs: number): void {
    this.#endOfTurnMs = nowMs;
    this.#measuredS = undefined;
    this.#turnParts.clear();
    this.#ttfb.clear();
  }

  /** The assistant's first sound. */
  answered(nowMs: number): void {
    if (this.#endOfTurnMs === undefined) return;
    this.#measuredS = (nowMs - this.#endOfTurnMs) / 1000;
    this.#endOfTurnMs = undefined;
  }

  metrics(data: PipecatMetricsData): void {
    for (const { processor, value } of data.processing ?? []) {
      if (processor in TURN_PARTS) this.#turnParts.set(processor, value);
    }
    for (const { processor, value } of data.ttfb ?? []) {
      const known = PROCESSORS.find(({ pattern }) => pattern.test(processor));
      // The zeros that servers send at the start say nothing.
      if (known && value > 0) this.#ttfb.set(known.label, value);
    }
  }

  /** What to show now; undefined before the first sound of an answer. */
  text(): LatencyText | undefined {
    if (this.#measuredS === undefined) return undefined;
    const parts = this.#turnParts.size > 0 ? byLabel(this.#turnParts) : this.#ttfb;
    const totalS = this.#turnParts.size > 0 ? sum(this.#turnParts.values()) : this.#measuredS;
    const shown = LABELS.flatMap((label) => {
      const value = parts.get(label) ?? 0;
      return value >= 0.005 ? [` · ${label} ${seconds(value)}`] : [];
    });
    return { total: `Answered in ${seconds(totalS)}`, parts: shown.join("") };
  }
}

function byLabel(turnParts: ReadonlyMap<string, number>): Map<string, number> {
  const labelled = new Map<string, number>();
  for (const [processor, value] of turnParts) {
    const label = TURN_PARTS[processor] ?? processor;
    labelled.set(label, (labelled.get(label) ?? 0) + value);
  }
  return labelled;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

const seconds = (value: number): string => `${value.toFixed(2)} s`;
