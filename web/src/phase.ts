/** What the conversation is doing right now, as a pure function of what the server reported. */

export type Phase =
  | "offline"
  | "starting"
  | "connecting"
  | "reconnecting"
  | "asleep"
  | "listening"
  | "hearing"
  | "thinking"
  | "speaking";

export interface Turn {
  readonly userSpeaking: boolean;
  readonly botSpeaking: boolean;
  readonly awaitingAnswer: boolean;
  /** It waits for its wake word. Written messages are answered all the same. */
  readonly asleep: boolean;
}

export type TurnEvent =
  | "user-started-speaking"
  | "user-stopped-speaking"
  | "text-sent"
  | "bot-llm-started"
  | "bot-started-speaking"
  | "bot-stopped-speaking"
  | "gave-up-waiting"
  | "fell-asleep"
  | "woke-up";

export const SILENCE: Turn = { userSpeaking: false, botSpeaking: false, awaitingAnswer: false, asleep: false };

export function step(turn: Turn, event: TurnEvent): Turn {
  switch (event) {
    case "user-started-speaking":
      return { ...turn, userSpeaking: true, awaitingAnswer: false };
    case "user-stopped-speaking":
      return { ...turn, userSpeaking: false, awaitingAnswer: true };
    case "text-sent":
    case "bot-llm-started":
      return { ...turn, awaitingAnswer: true };
    case "bot-started-speaking":
      return { ...turn, botSpeaking: true, awaitingAnswer: false };
    case "bot-stopped-speaking":
      return { ...turn, botSpeaking: false };
    case "gave-up-waiting":
      return { ...turn, awaitingAnswer: false };
    case "fell-asleep":
      return { ...turn, asleep: true };
    case "woke-up":
      return { ...turn, asleep: false };
  }
}

/** The person comes first: whoever interrupts sees at once that they are heard. */
export function phaseOf(turn: Turn): Phase {
  if (turn.userSpeaking) return "hearing";
  if (turn.botSpeaking) return "speaking";
  if (turn.awaitingAnswer) return "thinking";
  return turn.asleep ? "asleep" : "listening";
}
